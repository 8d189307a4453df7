namespace cpp fairlead.bench.thrift_echo

service Echo {
  binary call(1: binary data)
}
