-- Hands out what comes again.
-- KEYS: back, out, body, note, wake. ARGV: group, how many, lease in ms, then the wake entries that were read.
-- Gives a list of {position, deliveries, attempts, how many of the deliveries were given back untried, fields}.
local now = now_ms()
if #ARGV > 3 then
  redis.pcall('XACK', KEYS[5], ARGV[1], unpack(ARGV, 4))
  redis.call('XDEL', KEYS[5], unpack(ARGV, 4))
end
make_ready(KEYS[1], KEYS[2], now)
local taken = {}
for _, position in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], 0, 0, 'LIMIT', 0, ARGV[2])) do
  redis.call('ZREM', KEYS[1], position)
  local body = redis.call('HGET', KEYS[3], position)
  local note = redis.call('HGET', KEYS[4], position) or '0 0'
  local deliveries, attempts, untried = string.match(note, '^(%d+) (%d+) ?(%d*)$')
  if body then
    deliveries = deliveries + 1
    untried = tonumber(untried) or 0
    redis.call('HSET', KEYS[4], position, deliveries .. ' ' .. attempts .. ' ' .. untried)
    redis.call('ZADD', KEYS[2], now + ARGV[3], position)
    taken[#taken + 1] = {position, deliveries, tonumber(attempts), untried, cmsgpack.unpack(body)}
  else
    redis.call('HDEL', KEYS[4], position)
  end
end
if redis.call('ZCOUNT', KEYS[1], 0, 0) > 0 then wake(KEYS[5]) end
return taken
