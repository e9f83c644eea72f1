-- Delivers a dead letter to its group again, and removes it, as one step.
-- KEYS: stream, dead letters, back, body, note, wake. ARGV: group, id, position, fields.
-- Gives 1, 0 if there is no such letter, -1 if there is no such group.
local groups, is_there = redis.pcall('XINFO', 'GROUPS', KEYS[1]), false
if not groups.err then
  for _, group in ipairs(groups) do
    for i = 1, #group, 2 do is_there = is_there or group[i] == 'name' and group[i + 1] == ARGV[1] end
  end
end
if #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 0 then return 0 end
if not is_there then return -1 end
redis.call('HSET', KEYS[4], ARGV[3], cmsgpack.pack({unpack(ARGV, 4)}))
note(KEYS[5], ARGV[3], 0, 0, 0, 0)
redis.call('ZADD', KEYS[3], 0, ARGV[3])
wake(KEYS[6])
return redis.call('XDEL', KEYS[2], ARGV[2])
