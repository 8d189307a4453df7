#!/usr/bin/env python3
"""Writes the seeds under fuzz/corpus: frames of the golden vectors, and inputs made by hand.

Inputs that once broke something lie there too; this script leaves files that it does not make.
"""
import gzip
import hashlib
import json
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "tests" / "data" / "teleport_vectors.json"
FRAME_BYTES_MAX = 1024
PROTOCOLS = ("raw", "json", "pb", "thrift_binary", "thrift_struct", "ws_json", "ws_pb", "http")
TARGETS = {"http": "erpc_http"}  # of other names than their protocols
PROTOCOLS_OF_V3 = ("fast", "json", "pb")

# RFC 6455 section 1.2, without its last line.
WEBSOCKET_ASKS = ("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")

TEXTS = {
    "metadata_text": ["", "a=1&b=2", "a=b=c&a+b=c+d&flag", "a=%zz&b=%4&c=%&=v&&&", "%e4%B8%96=%20",
                      "X-Fl-Timeout=100&X-Real-IP=10.1.2.3"],
    "resume_words": ["", "00112233445566778899aabbccddeeff", "0123456789abcdef", "1", "017",
                     "9223372036854775807", "9223372036854775808", "0000000000000000"],
    "status_text": ["", "code=0", "code=404&msg=Not%20Found", "code=1001&msg=a&cause=&reason=a.b",
                    "code=99999999999", "code=x&msg=%zz", "code=-5&code=7", "cause=only"],
    "body_json": ["{}", "null", '{"flag":true,"i32":-5,"u64":18446744073709551615,"real":"NaN"}',
                  '{"text":"\\u00e9\\ud83d\\ude00","bytes":"AP8=","color":"blue"}',
                  '{"part":{"name":"x","numbers":[1,2],"parts":[{"parts":[]}]},"maybe":null}',
                  '{"by_text":{"a":1},"by_number":{"-5":{"name":"y"}},"reals":[1e308,"-Infinity"]}',
                  '{"unknown":[[[{}]]],"i64":"-9223372036854775808"}', "[" * 70 + "]" * 70],
    "body_form": ["", "flag=true&i32=-5&text=a+b%20c", "part.name=x&part.numbers=1&part.numbers=2",
                  "by_text.a=1&reals=1.5&reals=2&maybe=", "color=blue&bytes=AP8%3D&u64=1"],
    "ws_json": ['{"seq":1,"mtype":2,"serviceMethod":"","meta":"","bodyCodec":0,"body":"",'
                '"xferPipe":[],"status":"code=404&msg=a"}',
                '{"mtype":1,"bodyCodec":106,"body":"{\\"a\\":\\"x\\y\\"}",'
                '"xferPipe":[ 109 , 103 ]}',
                '{"mtype":3,"body":"\\u0000","xferPipe":null,"x":{"y":[]}}'],
    "erpc_http": ["HTTP/1.1 299 Business Error\r\nContent-Length: 45\r\nX-Mtype: 2\r\n"
                  "X-Seq: 2\r\n\r\n"
                  '{"code":1,"msg":"m","cause":"c","reason":"r"}',
                  "GET /a%3Fb?c=d+e&f HTTP/1.1\r\nx-seq:-1\r\nx-mtype: 1\r\nk: \r\nk: v\r\n"
                  "traceparent: t\r\nhost: h\r\n\r\n",
                  "P http://a/b?c HTTP/1.1\r\nX-Seq: 1\r\nX-Mtype: 4\r\nContent-Type: text/xml\r\n"
                  "Content-Length: 4\r\n\r\n<a/>"],
    "http_request": ["GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                     "POST /a/b?c=d%20e HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello",
                     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                     "Connection: close, upgrade\r\nExpect: 100-continue\r\n\r\n",
                     "OPTIONS * HTTP/1.0\r\n\r\n", "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
                     "\r\nGET / HTTP/1.1\r\nHost: [::1]:8080\r\nX: \t y \t\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
    "http_response": ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 404 \r\n\r\n",
                      "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                      "Connection: upgrade\r\n\r\n"],
    "body_xml": ["<Sample/>", "<Sample><flag>true</flag><i32>-5</i32>"
                 "<text>a&amp;b&#10;</text></Sample>",
                 "<Sample><part><name>x</name><numbers>1</numbers><numbers>2</numbers></part>"
                 "</Sample>",
                 "<Sample><by_text><k>1</k></by_text><color>blue</color><real>NaN</real>"
                 "</Sample>",
                 "<!DOCTYPE a [<!ENTITY b \"c\">]><Sample>&b;</Sample>", "<Sample><part>", "plain",
                 "<?xml version=\"1.0\"?><Sample><bytes>AAE=</bytes><texts>a</texts></Sample>"],
    "websocket_handshake": [WEBSOCKET_ASKS + "\r\n", WEBSOCKET_ASKS +
                            "Sec-WebSocket-Protocol: chat, json\r\n"
                            "Sec-WebSocket-Extensions: permessage-deflate; "
                            "server_max_window_bits=10; client_max_window_bits, "
                            "permessage-deflate; client_no_context_takeover\r\n\r\n",
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                            "Sec-WebSocket-Protocol: chat\r\n"
                            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"],
    "http_chunked": ["0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n",
                     "a;x=\"y\"\r\n0123456789\r\n0\r\nA: b\r\n\r\n",
                     "5 \r\nhello\r\n", "ffffffffffffffff\r\n", "1\nx\n0\n\n",
                     "1\r\nx\r\n0\r\nX-Sum: 1\r\nHost: b\r\nContent-Length: 5\r\n\r\n"],
    "http_bodies": ["\x00\x00\x00ab", "\x00\x01\x02" + "x" * 18, "\x00\x7e\x00z",
                    "\x01\x00\x015\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\nmore",
                    "\x01\x00\x05" + "2;e=f\r\nab\r\n" * 5 + "0\r\n\r\n",
                    "\x01\x00\x000\r\n" + "a: b\r\n" * 9 + "\r\n",
                    "\x01\x00\x001001\r\n" + "y" * 4097,
                    "\x02\x00\x10until the end", "\x02\x00\x40" + "z" * 4097],
    "http_written": ["GET\n/\nA:b\nC:", "POST\n/a?b=c\nContent-Length:5\nX-Y: z",
                     "GET\n/a b\nA:b\r\rB:c", "G\n*\nTransfer-Encoding:chunked"],
    "http_differential": ["\x05POST http://h:1/a?b HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\n"
                          "Content-Length: 5\r\n\r\n",
                          "\x31GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\n\r\n",
                          "\x02HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "\x01HTTP/1.1 304\r\nContent-Length: 5\r\nUpgrade: x\r\n\r\n"],
}

BYTES = {
    "duplicate_window": ["", "0301030100010301", "03010302030300010002000303010302",
                         "030100016d01030200010301"],
    "ws_pb": ["080110024208636f64653d343034", "100132023a3a3a026767", "10013a016d3200",
              "0b0c1001"],
    "body_protobuf": ["", "08011a00", "10fbffffffffffffffff01", "20ffffffff0f", "3003",
                      "3d0000c03f41000000000000f83f", "4a03616263", "520200ff", "5807",
                      "62080a0178120201021a00", "6a10000000000000f03f0000000000000040",
                      "7a050a01611001", "820109080510fb", "8a0100", "fa0101ff", "0b0c"],
    # RFC 6455 section 5.7 and RFC 7692 section 7.2.3; in websocket_messages behind the role's byte.
    "websocket_frame": ["8105", "818537fa213d", "827e0100", "827f0000000000010000",
                        "82ff0000000000010000" "37fa213d", "c107", "8900", "8880" "37fa213d"],
    "websocket_messages": ["01810548656c6c6f0103" "48656c80026c6f890548656c6c6f",
                           "00818537fa213d7f9f4d5158" "8a8537fa213d7f9f4d5158",
                           "01c107f248cdc9c90700c105f200110000",
                           "014103f248cd8900" "8004c9c90700", "01c10b000500faff48656c6c6f00",
                           "01c108f348cdc9c9070000", "01c10df248050000" "00ffffcac9c90700",
                           "018805" "03e8627965ff", "0101" "02ceba8000", "0181" "02eda0"],
    # What may come (frames 1, Thrift 2, HTTP 4, TLS 8), then the first bytes of a connection.
    "first_bytes": ["0f" "0000004006", "0f" "000000400fff", "05" "0d0a474554", "05" "0d0b0000",
                    "0f" "16030100", "0f" "80010001", "0f" + b"PRI *".hex(), "05" + b"PRIx".hex(),
                    "05" + b"SSH-2.0".hex(), "05" + b"EHLO a".hex(), "05" + b"HELP".hex(),
                    "05" + b"*1\r\n".hex(), "0c" + b"*1\r\n".hex(), "05" + b" GET".hex(),
                    "05" "7f", "00" "47"],
    "body_thrift": ["00", "02000101080002fffffffb00", "0b00090000000361626300",
                    "0c000c0b000100000001780000",
                    "0f000d040000000200000000000000003ff000000000000000",
                    "0d000f0b080000000100000001610000000100", "0f000e0b7fffffff",
                    "0f000d03ffffffff00", "0b0009ffffffff", "0c000c" * 70,
                    "0f000e0b00000001000000016100", "0800"],
}


def json_frames(body):
    head = ('{"seq":1,"mtype":1,"serviceMethod":"/m","status":"code=0","meta":"",'
            '"bodyCodec":106,"body":"')
    text = head.encode() + body + b'"}'
    return (len(text) + 1).to_bytes(4, "big") + b"\0" + text


def thrift_exception(header, payload):
    header += bytes(-len(header) % 4)
    message = bytes.fromhex("8001000300000002") + b"/m" + bytes([0, 0, 0, 7]) + payload
    rest = (b"\x0f\xff" + bytes([0, 0, 0, 0, 0, 7]) + (len(header) // 4).to_bytes(2, "big") +
            header + message)
    return len(rest).to_bytes(4, "big") + rest


def thrift_exceptions():
    status = bytes([0, 0, 1, 1, 9]) + b"Tp-Status" + bytes([15]) + b"code=1001&msg=x"
    internal = bytes.fromhex("0b000100000004") + b"gone" + bytes.fromhex("08000200000006" "00")
    unknown_method = bytes.fromhex("08000200000001" "00")
    return [thrift_exception(status, internal), thrift_exception(bytes(2), internal),
            thrift_exception(bytes(2), unknown_method), thrift_exception(bytes(2), b"\0"),
            thrift_exception(status, b"no struct")]


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def write_all(target, inputs):
    for data in inputs:
        write(target, "seed_" + hashlib.sha256(data).hexdigest()[:12], data)


def main():
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    for vector in vectors:
        kind, protocol = vector["kind"], vector.get("proto", "").replace("-", "_")
        wire = bytes.fromhex(vector.get("wire_hex", ""))
        known = kind == "message" and protocol in PROTOCOLS
        if not wire or len(wire) > FRAME_BYTES_MAX:
            continue
        if known:
            write(TARGETS.get(protocol, protocol), vector["id"].removeprefix("p."), wire)
        elif kind == "message_v3" and protocol in PROTOCOLS_OF_V3:
            write(protocol + "_v3", vector["id"].removeprefix("p."), wire)
    for target in ("thrift_binary", "thrift_struct"):
        write_all(target, thrift_exceptions())
    for target, texts in TEXTS.items():
        write_all(target, [text.encode() for text in texts])
    for target, hexes in BYTES.items():
        write_all(target, [bytes.fromhex(text) for text in hexes])
    write_all("json", [json_frames(body) for body in (
        b'{\\"a\\":\\"x\\ny\\"}', b'{\\"a\\":\\"\\\\"q\\\\"\\"}', b"\\ud83d\\ude00\\x41", b"a\\")])
    zipped = gzip.compress(b"hello, hello, hello", mtime=0)
    write_all("gzip", [zipped, zipped[:-8], zipped + zipped, gzip.compress(bytes(70000), mtime=0)])
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (packer.compress(bytes(70000)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    write_all("websocket_messages", [b"\x01\xc2" + bytes([len(bomb)]) + bomb])
    digest = hashlib.md5(b"payload").digest()
    write_all("transforms", [b"\0plain", b"\1mpayload" + digest, b"\1g" + zipped,
                             b"\2gm" + gzip.compress(b"payload" + digest, mtime=0)])


if __name__ == "__main__":
    main()
