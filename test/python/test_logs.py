"""Cutting output into frames, and the gate that holds a flood."""

import random
import unittest

import harness  # noqa: F401

from velar_worker import logs, private

KEY = b"0123456789abcdef"


class Cutting(unittest.TestCase):
    def test_nothing_is_lost_or_moved_for_any_cut(self):
        random.seed(3)
        for _ in range(50):
            text = b"".join(
                random.choice([b"a\n", b"\n", "\u00e9\u4e2d".encode() * 9, b"x" * random.randint(0, 90_000), b"end\n"])
                for _ in range(30)
            )
            cutter = logs.LineCutter(KEY)
            pieces, at = [], 0
            while at < len(text):
                size = random.randint(1, 70_000)
                pieces += cutter.feed(text[at : at + size], 1.0)
                at += size
            pieces += cutter.flush()
            self.assertEqual(b"".join(data for _, data in pieces), text)
            self.assertLessEqual(max(len(data) for _, data in pieces), logs.MAX_PIECE + private.MARK_BYTES)

    def test_lines_stay_whole(self):
        cutter = logs.LineCutter(KEY)
        self.assertEqual(cutter.feed(b"one\ntwo", 1.0), [(0, b"one\n")])
        self.assertEqual(cutter.waiting_since, 1.0)
        self.assertEqual(cutter.feed(b" more", 1.5), [])
        self.assertEqual(cutter.waiting_since, 1.0)
        self.assertEqual(cutter.feed(b"\nthree\n", 2.0), [(0, b"two more\nthree\n")])
        self.assertEqual(cutter.waiting_since, 0.0)

    def test_marks_give_output_to_its_call_even_in_pieces(self):
        stream = b"zero\npart" + private.mark(KEY, 7) + b"seven\nrest" + private.mark(KEY, 10) + b"ten\n"
        expected = {0: b"zero\npart", 7: b"seven\nrest", 10: b"ten\n"}
        for step in (1, 3, 11, len(stream)):
            cutter = logs.LineCutter(KEY)
            got = {}
            for at in range(0, len(stream), step):
                for call, data in cutter.feed(stream[at : at + step], 1.0):
                    got[call] = got.get(call, b"") + data
            self.assertEqual(got, expected)

    def test_a_mark_with_another_key_is_just_output(self):
        cutter = logs.LineCutter(KEY)
        forged = private.mark(b"f" * 16, 9) + b"\n"
        self.assertEqual(cutter.feed(forged, 1.0), [(0, forged)])


class Gate(unittest.TestCase):
    def test_free_at_first_then_held_to_the_rate(self):
        gate = logs.FloodGate()
        self.assertFalse(gate.read(logs.FREE_BYTES, 0.0))
        self.assertEqual(gate.wait(0.0), 0)
        self.assertTrue(gate.read(logs.HELD_RATE, 10.0))
        self.assertAlmostEqual(gate.wait(10.0), 1.0)
        self.assertEqual(gate.wait(11.0), 0)
        self.assertFalse(gate.read(1, 11.0))
        gate.reset()
        self.assertEqual(gate.wait(0.0), 0)


if __name__ == "__main__":
    unittest.main()
