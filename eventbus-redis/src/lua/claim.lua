-- Takes over leases that have run out, of suspects one at most.
-- KEYS: stream, wake, note of the group. ARGV: group, consumer, lease in ms, how many, where to begin, '1' if a suspect may be taken.
-- Gives where to go on, '-' behind the last one; a list of {id, deliveries, fields}; and 1 if a suspect was left.
-- More than may be taken: suspects that stay must not hide what lies behind them.
local LOOK_AT = 64
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], ARGV[5], '+', LOOK_AT)
local most, may_suspect, claimed, trimmed, left, seen = tonumber(ARGV[4]), ARGV[6] == '1', {}, 0, 0, 0
for _, held in ipairs(pending) do
  if #claimed == most then break end
  seen = seen + 1
  local is_suspect = held[4] >= SUSPECT
  if is_suspect and not may_suspect then
    left = 1
  else
    local entries = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], held[1])
    if entries[1] then
      claimed[#claimed + 1] = {held[1], held[4] + 1, entries[1][2]}
      if is_suspect then may_suspect = false end
    else
      trimmed = trimmed + 1
    end
  end
end
-- Handed out to a process that has died, and trimmed meanwhile.
if trimmed > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed) end
local wakes = redis.pcall('XAUTOCLAIM', KEYS[2], ARGV[1], ARGV[2], 60000, '0', 'COUNT', 16, 'JUSTID')
if not wakes.err and #wakes[2] > 0 then redis.call('XACK', KEYS[2], ARGV[1], unpack(wakes[2])) end
local is_end = seen == #pending and #pending < LOOK_AT
return {is_end and '-' or '(' .. pending[seen][1], claimed, left}
