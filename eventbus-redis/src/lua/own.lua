-- Shares the partitions of a group between its consumers: each partition has one owner.
-- KEYS: members, owners, wake and info of the main stream, mark of the group's removal.
-- ARGV: group, consumer, for how many ms it lives, partitions, '1' if it leaves, how many readers to wake, then partitions that it
-- gives up. Gives a list of those that it owns, one of those that it should give up, and the version of the shares.
-- Of a group that was removed nothing is kept.
if redis.call('EXISTS', KEYS[5]) == 1 then return {{}, {}, 0} end
local now = now_ms()
local own, leaving = ARGV[2], '-' .. ARGV[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local is_new, has_left = false, false
if ARGV[5] == '1' then
  -- It has no share any more, and owns what it has leased until that is settled.
  has_left = redis.call('ZREM', KEYS[1], own) == 1
  redis.call('ZADD', KEYS[1], now + ARGV[3], leaving)
else
  is_new = redis.call('ZADD', KEYS[1], now + ARGV[3], own) == 1
end
local given_up = 0
for i = 7, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == own then given_up = given_up + redis.call('HDEL', KEYS[2], ARGV[i]) end
end
local alive, counts, members = {}, {}, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(member, 1, 1) == '-' then
    alive[string.sub(member, 2)] = true
  else
    alive[member] = true
    counts[member] = 0
    members = members + 1
  end
end
local mine, free = {}, {}
for partition = 1, tonumber(ARGV[4]) do
  local owner = redis.call('HGET', KEYS[2], partition)
  if not owner or not alive[owner] then
    free[#free + 1] = partition
  else
    if owner == own then mine[#mine + 1] = partition end
    if counts[owner] then counts[owner] = counts[owner] + 1 end
  end
end
local surplus = {}
if ARGV[5] == '1' then
  surplus = mine
  if #mine == 0 then redis.call('ZREM', KEYS[1], leaving) end
else
  -- Each gets at least so many; the others, and what is left over, one more.
  local least, most = math.floor(ARGV[4] / members), math.ceil(ARGV[4] / members)
  local others_lack = 0
  for member, count in pairs(counts) do
    if member ~= own then others_lack = others_lack + math.max(least - count, 0) end
  end
  while #free > 0 and (#mine < least or #mine < most and #free > others_lack) do
    mine[#mine + 1] = table.remove(free, 1)
    redis.call('HSET', KEYS[2], mine[#mine], own)
  end
  -- Those with the most give up what others lack, so that all who ask find the same.
  local lacking, rich = others_lack - #free, {}
  for member, count in pairs(counts) do
    if count > least then rich[#rich + 1] = {member, count - least} end
  end
  table.sort(rich, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  local give = math.max(#mine - most, 0)
  for _, one in ipairs(rich) do
    local count = math.min(one[2], lacking)
    if one[1] == own then give = math.max(give, count) end
    lacking = lacking - count
  end
  for i = #mine - give + 1, #mine do surplus[#surplus + 1] = mine[i] end
end
-- The others have to look. One reader is woken, who wakes the next one; who does not read looks at the version.
local hops = tonumber(ARGV[6])
if is_new or has_left or given_up > 0 then
  redis.call('HINCRBY', KEYS[4], 'version', 1)
  hops = math.max(hops, members)
end
if hops > 0 then redis.call('XADD', KEYS[3], 'MAXLEN', 8, '*', 'own', hops) end
return {mine, surplus, tonumber(redis.call('HGET', KEYS[4], 'version') or '0')}
