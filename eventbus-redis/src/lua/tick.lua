-- Looks after a group: what has come due and what has run out comes again; counts what was trimmed unread.
-- KEYS: stream, back, out, wake, note of the group. ARGV: group.
-- Gives in how many ms the next of them is due; -1 if none is.
local now = now_ms()
make_ready(KEYS[2], KEYS[3], now)
if redis.call('ZCOUNT', KEYS[2], 0, 0) > 0 then wake(KEYS[4]) end

local function pairs_of(list)
  local map = {}
  for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
  return map
end
local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not stream.err and not groups.err then
  stream = pairs_of(stream)
  -- An entry that somebody has deleted looks like a trimmed one: then nobody can tell.
  if stream['max-deleted-entry-id'] == '0-0' then
    for _, list in ipairs(groups) do
      local group = pairs_of(list)
      if group['name'] == ARGV[1] and group['entries-read'] then
        local gone = stream['entries-added'] - stream['length']
        local counted = tonumber(redis.call('HGET', KEYS[5], 'counted') or '0')
        local from = math.max(group['entries-read'], counted)
        if gone > from then
          redis.call('HINCRBY', KEYS[5], 'trimmed', gone - from)
          redis.call('HSET', KEYS[5], 'counted', gone)
        end
      end
    end
  end
end

local next = -1
for _, of in ipairs({{KEYS[2], '(0'}, {KEYS[3], '-inf'}}) do
  local first = redis.call('ZRANGEBYSCORE', of[1], of[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then
    local left = math.max(tonumber(first[2]) - now, 0)
    if next < 0 or left < next then next = left end
  end
end
return next
