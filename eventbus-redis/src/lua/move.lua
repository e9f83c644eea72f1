-- Publishes the delayed messages that are due.
-- KEYS: delayed messages, streams. ARGV: most entries of the stream.
-- Gives in how many ms the next one is due; -1 if there is none.
local now = now_ms()
for _, packed in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 256)) do
  local fields = cmsgpack.unpack(packed)
  -- The first is the number of the stream.
  local stream = KEYS[2 + tonumber(fields[1])]
  redis.call('XADD', stream, 'MAXLEN', '~', ARGV[1], '*', unpack(fields, 2))
  redis.call('ZREM', KEYS[1], packed)
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[2] then return -1 end
return math.max(tonumber(first[2]) - now, 0)
