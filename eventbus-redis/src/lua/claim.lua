-- Takes over leases that have run out.
-- KEYS: stream, wake, note of the group. ARGV: group, consumer, lease in ms, how many, cursor.
-- Gives the next cursor and a list of {id, deliveries, fields}.
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[5], 'COUNT', ARGV[4])
local claimed = {}
for _, entry in ipairs(found[2]) do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
  claimed[#claimed + 1] = {entry[1], held[1] and held[1][4] or 2, entry[2]}
end
-- Handed out to a process that has died, and trimmed meanwhile.
if #found[3] > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', #found[3]) end
local wakes = redis.pcall('XAUTOCLAIM', KEYS[2], ARGV[1], ARGV[2], 60000, '0', 'COUNT', 16, 'JUSTID')
if not wakes.err and #wakes[2] > 0 then redis.call('XACK', KEYS[2], ARGV[1], unpack(wakes[2])) end
return {found[1], claimed}
