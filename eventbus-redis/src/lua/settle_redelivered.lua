-- Ends a lease of what came again.
-- KEYS: back, out, body, note, wake, dead letters.
-- ARGV: verb (done, release, again, dead), position, deliveries, after in ms, attempts, most letters, fields of the letter.
-- Gives 0 if the lease was lost.
local deliveries, _, untried, expired = noted(KEYS[4], ARGV[2])
if deliveries ~= tonumber(ARGV[3]) then return 0 end
if not redis.call('ZSCORE', KEYS[2], ARGV[2]) then return 0 end
if ARGV[1] == 'release' or ARGV[1] == 'again' then
  local due = due_after(ARGV[4])
  if ARGV[1] == 'release' then untried = untried + 1 end
  note(KEYS[4], ARGV[2], deliveries, ARGV[5], untried, expired)
  redis.call('ZADD', KEYS[1], due, ARGV[2])
  if due == 0 then wake(KEYS[5]) end
  redis.call('ZREM', KEYS[2], ARGV[2])
  return 1
end
if ARGV[1] == 'dead' then redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 7)) end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('HDEL', KEYS[4], ARGV[2])
return 1
