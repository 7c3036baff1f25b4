"""Frames: what goes in comes out, however the stream is cut, and nonsense is refused."""

import random
import unittest

import harness  # noqa: F401

from velar import _framing as framing


class Frames(unittest.TestCase):
    def test_any_cut_of_the_stream_gives_the_same_frames(self):
        random.seed(7)
        sent = []
        stream = b""
        for _ in range(200):
            body = random.randbytes(random.choice([0, 1, 7, 300])) if hasattr(random, "randbytes") else b"x" * 9
            if random.random() < 0.3:
                sent.append((framing.LOG, bytes([2]) + (9).to_bytes(4, "big") + body))
                stream += framing.log(2, 9, body)
            else:
                header = {"type": "x", "n": random.random(), "text": "\u00e9\n"}
                data = framing.message(header, body)
                sent.append((framing.MESSAGE, data[5:]))
                self.assertEqual(framing.parse_message(data[5:]), (header, memoryview(body)))
                stream += data
        for _ in range(20):
            buffer = framing.FrameBuffer()
            got, at = [], 0
            while at < len(stream):
                size = random.randint(1, 400)
                got += buffer.feed(stream[at : at + size])
                at += size
            self.assertEqual(got, sent)

    def test_the_layout_is_the_one_of_the_link(self):
        self.assertEqual(framing.message({"type": "a"}, b"xy").hex(), "00000013" + "01" + "0000000c" + b'{"type":"a"}'.hex() + "7879")
        self.assertEqual(framing.log(1, 2, b"hi\n").hex(), "00000009" + "02" + "01" + "00000002" + b"hi\n".hex())

    def test_oversized_frames_are_refused_on_both_sides(self):
        with self.assertRaises(framing.FrameTooLarge):
            framing.message({"type": "a"}, bytes(framing.MAX_FRAME_BYTES))
        for broken in (b"\xff\xff\xff\xff\x01", b"\0\0\0\0\x01"):
            with self.assertRaises(framing.FrameError):
                framing.FrameBuffer().feed(broken)

    def test_broken_messages_are_refused(self):
        for payload in (b"", b"\0\0\0\x09{}", b"\0\0\0\x02{}", b"\0\0\0\x02[]", b"\0\0\0\x02\xff\xff", b'\0\0\0\x0a{"type":1}'):
            with self.subTest(payload), self.assertRaises(framing.FrameError):
                framing.parse_message(payload)

    def test_sizes_beyond_their_body_are_refused(self):
        self.assertEqual([bytes(part) for part in framing.cut(memoryview(b"abc"), [1, 2])], [b"a", b"bc"])
        with self.assertRaises(framing.FrameError):
            list(framing.cut(memoryview(b"abc"), [1, 3]))
        with self.assertRaises(framing.FrameError):
            list(framing.cut(memoryview(b"abc"), [-1]))


if __name__ == "__main__":
    unittest.main()
