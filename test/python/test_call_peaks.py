"""The most memory of each call of a batch, by a real runner: what the function itself reads in /proc beside it."""

import sys
import unittest

from harness.runtime import Runtime

MIB = 1 << 20


@unittest.skipUnless(sys.platform == "linux", "The kernel's peaks are read in /proc.")
class CallPeaksTest(unittest.TestCase):
    APP = """
        import time
        import velar
        app = velar.App("test")

        def status(name):
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

        @app.function()
        def work(mebibytes, milliseconds, load):
            with velar.phase("load"):
                data = bytearray(b"x") * (load << 20)
                del data
            data = bytearray(b"x") * (mebibytes << 20)
            held = status("VmRSS:")
            del data
            time.sleep(milliseconds / 1000)
            return held, status("VmHWM:")
        """

    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"app.py": self.APP})

    def peaks(self, *inputs, **more):
        """Of each input: the peak that is told (None for unknown), and what the function itself read."""
        self.runtime.start_batch("work", [((*each, 0)[:3], {}) for each in inputs], **more)
        answers = self.runtime.batch_items(len(inputs))
        return [(item.get("peakBytes"), *value) for _, (item, value) in sorted(answers.items())]

    def test_each_of_calls_that_take_long_has_its_own(self):
        for (told, held, highest), size in zip(self.peaks((1, 10), (300, 10), (50, 10), (1, 10)), (1, 300, 50, 1)):
            self.assertAlmostEqual(told / highest, 1, delta=0.02)
            self.assertGreaterEqual(told, held - MIB)
            self.assertGreaterEqual(told, size * MIB)
            self.assertLess(told, (size + 100) * MIB)

    def test_of_quick_calls_it_is_known_where_it_rose(self):
        peaks = self.peaks((0, 0), (120, 0), *[(0, 0)] * 60, (200, 0))
        self.assertGreaterEqual(peaks[1][0], 120 * MIB)
        self.assertGreaterEqual(peaks[-1][0], 200 * MIB)
        between = [told for told, *_ in peaks[2:-1]]
        # It is not looked at anew for calls that take no time, but never taken for an earlier call's either.
        self.assertIn(None, between)
        self.assertLess(max(told or 0 for told in between), 110 * MIB)

    def test_what_came_between_two_batches_has_no_part_in_it(self):
        # Sent at once: nothing comes to rest in between.
        self.runtime.start_batch("work", [((0, 0, 0), {})] * 3)
        self.runtime.start_call("work", 300, 0, 0)
        last = self.runtime.start_batch("work", [((1, 0, 0), {})])
        self.runtime.batch_items(3)
        self.runtime.expect("result")
        item, _ = self.runtime.batch_items(1)[last]
        self.assertLess(item["peakBytes"], 100 * MIB)

    def test_a_model_load_in_the_call_counts(self):
        [(first, *_), (second, *_)] = self.peaks((1, 10, 250), (1, 10, 0))
        self.assertGreaterEqual(first, 250 * MIB)
        self.assertLess(second, 100 * MIB)

    def test_it_is_unknown_where_calls_run_at_once(self):
        self.assertEqual([told for told, *_ in self.peaks((50, 10), (1, 10), concurrent=2)], [None, None])


if __name__ == "__main__":
    unittest.main()
