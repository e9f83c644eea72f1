-- Takes over what the former owner of a partition has left: it comes again, in its old order.
-- KEYS: queue, leased.
for _, position in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('ZADD', KEYS[1], 0, position) end
return redis.call('DEL', KEYS[2])
