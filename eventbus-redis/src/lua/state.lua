-- What a group holds besides its place in the stream.
-- KEYS: stream, back, out, note of the group, delayed messages. ARGV: the last entry that was handed out, whether to count the rest, and
-- whether to count delayed messages.
-- Gives: ready, delayed, due in ms (-1), out, skipped, trimmed (-1 if unknown), age of the oldest in ms (-1), entries behind the last (at most 100).
local now = now_ms()
local ready = redis.call('ZCOUNT', KEYS[2], '-inf', now)
local delayed = redis.call('ZCARD', KEYS[2]) - ready
if ARGV[3] == '1' then delayed = delayed + redis.call('ZCARD', KEYS[5]) end
local due = -1
for _, first in ipairs({
  redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1),
  ARGV[3] == '1' and redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES') or {},
}) do
  if first[2] and (due < 0 or tonumber(first[2]) < due) then due = tonumber(first[2]) end
end
local rest = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2] == '1' and 100 or 1)
-- Ids tell when an entry was appended, unless another program has set them: streams are younger than 2018.
local function age_of(millis)
  if not millis or millis < 1514764800000 or millis > now then return -1 end
  return now - millis
end
local back = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
local age = math.max(
  rest[1] and age_of(tonumber(string.match(rest[1][1], '^%d+'))) or -1,
  back and age_of(tonumber(string.sub(back, 1, 16), 16)) or -1
)
-- After somebody has deleted entries, nobody can tell how many were trimmed.
local stream, is_known = redis.pcall('XINFO', 'STREAM', KEYS[1]), false
if not stream.err then
  for i = 1, #stream, 2 do is_known = is_known or stream[i] == 'max-deleted-entry-id' and stream[i + 1] == '0-0' end
end
local noted = redis.call('HMGET', KEYS[4], 'skipped', 'trimmed', 'unknown')
return {ready, delayed, due, redis.call('ZCARD', KEYS[3]), tonumber(noted[1] or 0), is_known and not noted[3] and tonumber(noted[2] or 0) or -1, age, #rest}
