-- Checks the number of partitions, which all programs must agree on, and notes it if nobody has.
-- KEYS: the config. ARGV: how many partitions. Gives how many there are.
local noted = redis.call('HGET', KEYS[1], 'partitions')
if noted then return noted end
if ARGV[1] ~= '0' then redis.call('HSET', KEYS[1], 'partitions', ARGV[1]) end
return ARGV[1]
