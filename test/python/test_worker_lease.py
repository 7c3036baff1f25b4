"""A worker with a lease: its runtime goes away and is started again."""

import unittest

from harness.runtime import Runtime, gone

APP = """
    import os
    import time
    import velar

    app = velar.App("test")
    loaded = []

    @app.function()
    def pid():
        loaded.append(1)
        return [os.getpid(), len(loaded)]

    @app.function()
    def sleep(seconds):
        print("sleeping", flush=True)
        time.sleep(seconds)
"""


class Lease(unittest.TestCase):
    def test_an_idle_runner_is_kept_with_all_it_has_loaded(self):
        with Runtime({"VELAR_LEASE_MS": "10000"}) as runtime:
            runtime.load({"app.py": APP}, key="key-of-the-load")
            runner, count = runtime.value("pid")
            self.assertEqual(count, 1)
            runtime.crash()
            hello = runtime.start_again()
            self.assertEqual(hello["loaded"], {"load": 1, "key": "key-of-the-load"})
            self.assertEqual(hello["token"], "token-of-the-test")
            self.assertEqual(runtime.value("pid"), [runner, 2])

    def test_it_survives_more_than_one_crash(self):
        with Runtime({"VELAR_LEASE_MS": "10000"}) as runtime:
            runtime.load({"app.py": APP}, key="k")
            runner, _ = runtime.value("pid")
            for count in (2, 3):
                runtime.crash()
                runtime.start_again()
                self.assertEqual(runtime.value("pid"), [runner, count])

    def test_a_runner_at_work_is_ended_because_nobody_waits_for_it(self):
        with Runtime({"VELAR_LEASE_MS": "10000"}) as runtime:
            runtime.load({"app.py": APP}, key="k")
            runner, _ = runtime.value("pid")
            runtime.start_call("sleep", 60)
            runtime.wait_for_log("sleeping")
            runtime.crash()
            hello = runtime.start_again()
            self.assertEqual(hello["loaded"], {"load": 1, "key": ""})
            self.assertTrue(gone(runner))
            runtime._loads = 1
            runtime.load({"app.py": APP}, key="k")
            self.assertEqual(runtime.value("pid")[1], 1)

    def test_it_ends_when_the_lease_is_over(self):
        with Runtime({"VELAR_LEASE_MS": "300"}) as runtime:
            runtime.load({"app.py": APP})
            runner, _ = runtime.value("pid")
            runtime.crash()
            self.assertEqual(runtime.process.wait(10), 0)
            self.assertTrue(gone(runner))

    def test_without_a_lease_it_ends_at_once(self):
        with Runtime() as runtime:
            runtime.load({"app.py": APP})
            runtime.crash()
            self.assertEqual(runtime.process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
