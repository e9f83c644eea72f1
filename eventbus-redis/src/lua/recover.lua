-- Finds what was handed out to a consumer in an answer that was lost with its connection.
-- KEYS: stream. ARGV: group, consumer, the last id that the consumer has seen, how many.
-- Gives a list of {id, deliveries, fields}.
local found = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '(' .. ARGV[3], '+', ARGV[4], ARGV[2])) do
  local entries = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, pending[1])
  if entries[1] then found[#found + 1] = {pending[1], pending[4] + 1, entries[1][2]} end
end
return found
