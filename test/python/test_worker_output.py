"""What a function prints: all of it, in order, before the result, told apart by call, even under a flood."""

import time
import unittest

from harness.runtime import Runtime

APP = '''
    import ctypes
    import os
    import subprocess
    import sys
    import threading
    import time
    import velar

    app = velar.App("test")
    print("at import")

    @app.function()
    def lines(n):
        for i in range(n):
            print(i)

    @app.function()
    def forever():
        i = 0
        while True:
            print(i)
            i += 1

    @app.function()
    def both(text):
        print("out", text)
        print("err", text, file=sys.stderr)

    @app.function()
    def native():
        libc = ctypes.CDLL(None)
        libc.puts(b"from C")
        libc.fflush(None)
        subprocess.run(["sh", "-c", "echo from a process; echo complaint >&2"])

    @app.function()
    def partial(seconds):
        sys.stdout.write("no newline")
        sys.stdout.flush()
        time.sleep(seconds)
        return 1

    @app.function()
    def progress():
        for i in range(3):
            sys.stdout.write("\\r%d%%" % i)
            sys.stdout.flush()
            time.sleep(0.25)

    @app.function()
    def long(size):
        print("x" * size)
        print("\\u00e9" * 100000)

    @app.function()
    def raw(mebibytes):
        chunk = (b"y" * 1023 + b"\\n") * 64
        for _ in range(mebibytes * 16):
            at = 0
            while at < len(chunk):
                at += os.write(1, chunk[at:])

    @app.function()
    def late():
        def talk():
            time.sleep(0.1)
            print("from a thread", flush=True)
        threading.Thread(target=talk).start()
'''


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.runtime = Runtime().__enter__()
        cls.addClassCleanup(cls.runtime.__exit__)
        cls.runtime.load({"app.py": APP})

    def test_output_of_the_import_belongs_to_no_call(self):
        self.assertTrue(self.runtime.output(0).startswith("at import\n"))

    def test_a_hundred_thousand_lines_arrive_before_the_result_and_in_order(self):
        call = self.runtime.start_call("lines", 100_000)
        start = time.perf_counter()
        self.runtime.expect("result")
        rate = 100_000 / (time.perf_counter() - start)
        self.assertEqual(self.runtime.output(call), "".join("%d\n" % i for i in range(100_000)))
        # A generous bound for a busy machine; the figure itself belongs to the benchmark.
        self.assertGreater(rate, 20_000)

    def test_an_endless_printer_is_cancelled_without_a_gap(self):
        call = self.runtime.start_call("forever")
        self.runtime.wait_for_log("\n5000\n")
        self.runtime.cancel(call)
        self.assertEqual(self.runtime.expect("error")["error"]["kind"], "cancelled")
        text = self.runtime.output(call)
        numbers = [int(line) for line in text.splitlines()]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertEqual(self.runtime.call("both", "x")["type"], "result")

    def test_both_streams_are_told_apart(self):
        call = self.runtime.start_call("both", "a")
        self.runtime.expect("result")
        self.assertEqual(self.runtime.output(call, 1), "out a\n")
        self.assertEqual(self.runtime.output(call, 2), "err a\n")

    def test_output_of_native_code_and_of_processes_counts(self):
        call = self.runtime.start_call("native")
        self.runtime.expect("result")
        self.assertEqual(self.runtime.output(call, 1), "from C\nfrom a process\n")
        self.assertEqual(self.runtime.output(call, 2), "complaint\n")

    def test_a_line_without_an_end_is_shown_while_the_call_runs(self):
        call = self.runtime.start_call("partial", 30)
        self.runtime.wait_for_log("no newline")
        self.runtime.cancel(call)
        self.runtime.expect("error")

    def test_a_line_without_an_end_comes_before_the_result(self):
        call = self.runtime.start_call("partial", 0)
        self.runtime.expect("result")
        self.assertEqual(self.runtime.output(call), "no newline")

    def test_a_progress_bar_moves(self):
        call = self.runtime.start_call("progress")
        self.runtime.expect("result")
        pieces = [data for _, owner, data in self.runtime.logs if owner == call]
        self.assertGreaterEqual(len(pieces), 2)
        self.assertEqual(b"".join(pieces), b"\r0%\r1%\r2%")

    def test_long_lines_are_cut_between_characters_and_frames_stay_small(self):
        call = self.runtime.start_call("long", 200_000)
        self.runtime.expect("result")
        pieces = [data for _, owner, data in self.runtime.logs if owner == call]
        self.assertLessEqual(max(map(len, pieces)), 64 * 1024)
        for piece in pieces:
            piece.decode("utf-8")
        self.assertEqual(self.runtime.output(call), "x" * 200_000 + "\n" + "\u00e9" * 100_000 + "\n")

    def test_each_call_of_a_batch_owns_its_output(self):
        first = self.runtime.start_batch("both", [((i,), {}) for i in range(50)])
        self.runtime.batch_results(50)
        for i in range(50):
            self.assertEqual(self.runtime.output(first + i, 1), "out %d\n" % i)
            self.assertEqual(self.runtime.output(first + i, 2), "err %d\n" % i)

    def test_a_thread_that_prints_after_its_call_belongs_to_none(self):
        self.runtime.call("late")
        before = self.runtime.output(0)
        self.runtime.wait_for_log("from a thread\n")
        self.assertEqual(self.runtime.output(0)[len(before) :], "from a thread\n")


class Flood(unittest.TestCase):
    def test_a_flood_is_held_to_its_rate_and_said_once(self):
        with Runtime() as runtime:
            runtime.load({"app.py": APP})
            call = runtime.start_call("raw", 72)
            start = time.monotonic()
            runtime.expect("result")
            took = time.monotonic() - start
            text = runtime.output(call, 1)
            self.assertEqual(len(text), 72 << 20)
            notes = [data for fd, _, data in runtime.logs if fd == 2]
            self.assertEqual(len(notes), 1)
            self.assertIn(b"held to 4 MiB", notes[0])
            self.assertGreater(took, 1.5)

    def test_a_runtime_that_reads_nothing_slows_the_printer_and_loses_nothing(self):
        with Runtime() as runtime:
            runtime.load({"app.py": APP})
            call = runtime.start_call("raw", 16)
            time.sleep(0.5)
            with open("/proc/%d/statm" % runtime.process.pid) as file:
                resident = int(file.read().split()[1]) * 4096
            self.assertLess(resident, 80 << 20)
            runtime.expect("result")
            self.assertEqual(len(runtime.output(call)), 16 << 20)


if __name__ == "__main__":
    unittest.main()
