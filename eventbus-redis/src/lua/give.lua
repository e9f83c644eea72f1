-- Takes a lease of the stream back: it comes again, at once or later.
-- KEYS: stream, back, body, note, wake.
-- ARGV: group, consumer, id, position, after in ms, deliveries, attempts, whether the entry has been trimmed, 1 if it was not
-- tried, fields.
-- Gives 0 if the lease was lost.
local is_trimmed = ARGV[8] == '1'
if not is_trimmed then
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
  if held.err or #held == 0 or held[1][4] ~= tonumber(ARGV[6]) then return 0 end
end
local due = due_after(ARGV[5])
-- What could fail comes before the lease ends.
redis.call('HSET', KEYS[3], ARGV[4], cmsgpack.pack({unpack(ARGV, 10)}))
-- All hand-outs before this one have run out.
note(KEYS[4], ARGV[4], ARGV[6], ARGV[7], ARGV[9], ARGV[6] - 1)
redis.call('ZADD', KEYS[2], due, ARGV[4])
if due == 0 then wake(KEYS[5]) end
if not is_trimmed then redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) end
return 1
