-- Makes a dead letter of a lease of the stream, as one step.
-- KEYS: stream, dead letters. ARGV: group, consumer, id, deliveries, whether the entry has been trimmed, most letters, fields.
-- Gives 0 if the lease was lost.
local is_trimmed = ARGV[5] == '1'
if not is_trimmed then
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
  if held.err or #held == 0 or held[1][4] ~= tonumber(ARGV[4]) then return 0 end
end
-- What could fail comes before the lease ends.
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 7))
if not is_trimmed then redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) end
return 1
