-- Removes a group and all that is kept for it.
-- KEYS: stream, mark of the removal, then the group's own keys. ARGV: group. Gives whether there was one.
local removed = redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('DEL', unpack(KEYS, 3))
if type(removed) == 'table' or removed == 0 then return 0 end
-- Readers of other processes must not make it again.
redis.call('SET', KEYS[2], '1', 'PX', 60000)
return 1
