-- Keeps a message until it is due.
-- KEYS: delayed messages. ARGV: due in ms, number of the stream, fields.
return redis.call('ZADD', KEYS[1], ARGV[1], cmsgpack.pack({unpack(ARGV, 2)}))
