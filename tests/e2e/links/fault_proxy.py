#!/usr/bin/env python3
"""What a bad network does to TCP connections, on loopback.

usage: fault_proxy.py PORT HOST TARGET_PORT --control CONTROL_PORT

Connections to PORT are passed on to HOST:TARGET_PORT. A line to CONTROL_PORT sets faults, those
that are there stay; each is answered by a line:
  clear               none any more (connections that stand still or are half closed stay so)
  delay=MS jitter=MS  every piece is held back so long, more or less by the jitter
  rate=BYTES          a second, each way
  chop=N              pieces of N bytes at most
  stall_after=N       a connection carries N bytes each way, then nothing
  reset_after=N close_after=N half_close_after=N    it is reset, closed, closed one way
  corrupt=P dup=P     chance that a piece has one bit wrong, comes twice
  drop_conn=P         chance that a new connection is reset
  blackhole=1         all is read and nothing passed on     refuse=1  new connections are reset
  dir=up|down|both    which way the faults of bytes apply to (up: to the target)
  cut=1               all connections are reset now
"""
import asyncio
import random
import socket
import struct
import sys

ENDS = ("reset_after", "close_after", "half_close_after", "stall_after")


def reset(writer):
    """The next close is a reset, whatever is still on its way."""
    handle = writer.get_extra_info("socket")
    try:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    writer.transport.abort()


class Proxy:
    def __init__(self, target):
        self.target = target
        self.faults = {}
        self.writers = set()
        self.random = random.Random(1)

    def number(self, name):
        return float(self.faults.get(name, 0))

    def chance(self, name):
        return self.random.random() < self.number(name)

    async def connection(self, reader, writer):
        if self.faults.get("refuse") == "1" or self.chance("drop_conn"):
            reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            reset(writer)
            return
        ends = {writer, far_writer}
        for end in ends:
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.writers |= ends
        await asyncio.gather(self.pipe("up", reader, far_writer, writer),
                             self.pipe("down", far_reader, writer, far_writer),
                             return_exceptions=True)
        self.writers -= ends
        for end in ends:
            end.close()

    async def pipe(self, way, reader, writer, other):
        passed = 0
        while True:
            data = await reader.read(int(self.number("chop")) or 65536)
            if not data:
                writer.write_eof()
                return
            if self.faults.get("dir", "both") not in ("both", way):
                writer.write(data)
                await writer.drain()
                continue
            if self.faults.get("blackhole") == "1":
                continue
            held = self.number("delay") + self.random.uniform(-1, 1) * self.number("jitter")
            if held > 0:
                await asyncio.sleep(held / 1000)
            for kind in ENDS:
                if kind in self.faults and passed + len(data) >= int(self.faults[kind]):
                    writer.write(data[:max(0, int(self.faults[kind]) - passed)])
                    await self.end(kind, reader, writer, other)
                    return
            if self.chance("corrupt"):
                wrong = bytearray(data)
                wrong[self.random.randrange(len(wrong))] ^= 1 << self.random.randrange(8)
                data = bytes(wrong)
            passed += len(data)
            writer.write(data + data if self.chance("dup") else data)
            await writer.drain()
            if self.number("rate"):
                await asyncio.sleep(len(data) / self.number("rate"))

    async def end(self, kind, reader, writer, other):
        await writer.drain()
        if kind == "reset_after":
            reset(writer)
            reset(other)
        elif kind == "close_after":
            writer.close()
            other.close()
        elif kind == "half_close_after":
            writer.write_eof()
        else:
            while await reader.read(65536):
                pass

    def apply(self, words):
        for word in words:
            name, _, value = word.partition("=")
            if name == "clear":
                self.faults.clear()
            elif name == "cut":
                for writer in list(self.writers):
                    reset(writer)
            else:
                self.faults[name] = value

    async def control(self, reader, writer):
        while line := await reader.readline():
            self.apply(line.decode().split())
            writer.write(b"ok\n")
            await writer.drain()
        writer.close()


async def main(port, host, target_port, control_port):
    proxy = Proxy((host, int(target_port)))
    servers = [await asyncio.start_server(proxy.connection, "127.0.0.1", int(port)),
               await asyncio.start_server(proxy.control, "127.0.0.1", int(control_port))]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    if len(sys.argv) != 6 or sys.argv[4] != "--control":
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:4], sys.argv[5]))
