"""The NVML sampler against a stand-in library of our own: layouts, missing functions, failures, its life."""

import fcntl
import json
import select
import subprocess
import sys
import time
import unittest

import harness  # noqa: F401
from harness import nvml

from velar_worker.nvml_library import Library, NvmlError

WITHOUT_COMPILER = "no C compiler (cc) on PATH to build the NVML stand-in"


@unittest.skipIf(sys.platform != "linux", "NVML is sampled on Linux")
@unittest.skipIf(nvml.COMPILER is None, WITHOUT_COMPILER)
class Reading(unittest.TestCase):
    def stand_in(self, script=nvml.L4, driver=550):
        stand_in = nvml.StandIn(script, driver)
        self.addCleanup(stand_in.close)
        return stand_in

    def read(self, script=nvml.L4, driver=550):
        library = Library(self.stand_in(script, driver).library)
        self.addCleanup(library.close)
        return [library.read(card) for card in library.cards()]

    def test_a_card_tells_everything_in_its_own_units(self):
        self.assertEqual(
            self.read(),
            [
                {
                    "index": 0,
                    "uuid": "GPU-6ec7a1d8-0000-1111-2222-333344445555",
                    "name": "NVIDIA L4",
                    "memoryTotalBytes": 24152899584,
                    "memoryUsedBytes": 5 * nvml.GIB,
                    "gpuPercent": 87,
                    "memoryPercent": 41,
                    "temperatureC": 61,
                    "powerWatts": 71.234,
                    "powerLimitWatts": 72.0,
                    "processes": [
                        {"pid": 4711, "usedBytes": 4 * nvml.GIB},
                        {"pid": 4712, "usedBytes": 1000},
                        {"pid": 99, "usedBytes": None},
                    ],
                    "problem": None,
                }
            ],
        )

    def test_processes_are_read_right_whatever_layout_the_driver_fills(self):
        for driver in (390, 470, 535, 550):
            with self.subTest(driver=driver):
                [card] = self.read(driver=driver)
                self.assertEqual([each["pid"] for each in card["processes"]], [4711, 4712, 99])
                self.assertEqual(card["processes"][1]["usedBytes"], 1000)

    def test_an_older_driver_counts_what_it_keeps_for_itself_as_used(self):
        [card] = self.read(driver=470)
        self.assertEqual(card["memoryUsedBytes"], 5 * nvml.GIB + 400000000)
        self.assertEqual(card["memoryTotalBytes"], 24152899584)

    def test_more_processes_than_expected_are_all_listed(self):
        many = "".join("compute %d 1\n" % pid for pid in range(1, 61))
        [card] = self.read("card 0\nname X\nuuid GPU-1\n" + many)
        self.assertEqual([each["pid"] for each in card["processes"]], list(range(1, 61)))

    def test_what_a_card_does_not_tell_is_unknown(self):
        [card] = self.read("card 0\nname NVIDIA GeForce GTX 1050\nuuid GPU-1\ntotal 100\nused 10\n")
        self.assertEqual((card["memoryTotalBytes"], card["memoryUsedBytes"]), (100, 10))
        for name in ("gpuPercent", "memoryPercent", "temperatureC", "powerWatts", "powerLimitWatts", "problem"):
            self.assertIsNone(card[name], name)

    def test_what_we_may_not_see_is_unknown(self):
        lists = ("fail nvmlDeviceGetComputeRunningProcesses_v3 4\nfail nvmlDeviceGetGraphicsRunningProcesses_v3 4\n")
        [card] = self.read(lists + nvml.L4)
        self.assertIsNone(card["processes"])
        self.assertEqual(card["gpuPercent"], 87)

    def test_a_lost_card_says_so_and_the_others_go_on(self):
        lost = "".join(
            "fail %s 15 0\n" % name for name in ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUtilizationRates")
        )
        first, second = self.read(lost + nvml.L4 + nvml.L4.replace("card 0", "card 1").replace("GPU-6", "GPU-7"))
        self.assertEqual(first["problem"], "GPU is lost (NVML error 15)")
        self.assertIsNone(first["memoryUsedBytes"])
        self.assertIsNone(second["problem"])
        self.assertEqual((second["index"], second["gpuPercent"]), (1, 87))

    def test_a_driver_of_another_version_is_named(self):
        stand_in = self.stand_in("fail nvmlInit_v2 18\n" + nvml.L4)
        with self.assertRaisesRegex(NvmlError, r"^Driver/library version mismatch \(NVML error 18\)$"):
            Library(stand_in.library)

    def test_a_library_that_is_not_there_or_is_another_is_named(self):
        with self.assertRaisesRegex(NvmlError, "^/nonexistent/nvml.so can't be loaded"):
            Library("/nonexistent/nvml.so")
        with self.assertRaisesRegex(NvmlError, "lacks nvmlInit_v2"):
            Library("libc.so.6")


@unittest.skipIf(sys.platform != "linux", "NVML is sampled on Linux")
@unittest.skipIf(nvml.COMPILER is None, WITHOUT_COMPILER)
class Sampling(unittest.TestCase):
    def setUp(self):
        self.stand_in = nvml.StandIn(nvml.L4)
        self.addCleanup(self.stand_in.close)
        self.process = self.stand_in.start()
        self.addCleanup(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def test_it_greets_with_a_sample_and_then_waits_to_be_asked(self):
        hello = nvml.receive(self.process)
        self.assertEqual((hello["type"], hello["driver"]), ("hello", "550.54.15"))
        self.assertEqual(hello["cards"][0]["memoryUsedBytes"], 5 * nvml.GIB)
        self.assertEqual(select.select([self.process.stdout], [], [], 0.3)[0], [])
        self.stand_in.script(nvml.L4.replace("gpu 87", "gpu 12"))
        nvml.send(self.process, once=True)
        sample = nvml.receive(self.process)
        self.assertEqual((sample["type"], sample["cards"][0]["gpuPercent"]), ("sample", 12))
        self.assertLess(abs(sample["at"] - time.time() * 1000), 5000)

    def test_it_samples_at_the_interval_that_was_asked_for_last_until_told_to_stop(self):
        nvml.receive(self.process)
        nvml.send(self.process, intervalMs=10_000)
        nvml.receive(self.process)
        nvml.send(self.process, intervalMs=20)
        times = [nvml.receive(self.process)["at"] for _ in range(11)]
        self.assertGreaterEqual(times[-1] - times[0], 190)
        nvml.send(self.process, intervalMs=None)
        nvml.send(self.process, once=True)
        # Samples that were on their way, and the one that was asked for; then none.
        while select.select([self.process.stdout], [], [], 0.5)[0]:
            nvml.receive(self.process)
        self.assertIsNone(self.process.poll())

    def test_it_ends_with_its_parent(self):
        nvml.receive(self.process)
        nvml.send(self.process, intervalMs=1000)
        self.process.stdin.close()
        self.assertEqual(self.process.wait(10), 0)

    def test_a_reader_that_stalls_gets_whole_lines_and_then_the_newest(self):
        self.end()
        # Lines several times as long as the pipe, so that each is taken in parts.
        card = nvml.L4 + "".join("compute %d 1\n" % pid for pid in range(100, 140))
        self.stand_in.script("".join(card.replace("card 0", "card %d" % index) for index in range(12)))
        self.process = self.stand_in.start()
        nvml.receive(self.process)
        fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        nvml.send(self.process, intervalMs=1)
        time.sleep(1)  # the stall itself: some thousand samples' time
        resumed, old = time.time() * 1000, 0
        while nvml.receive(self.process)["at"] < resumed:
            old += 1
        self.assertLess(old, 30)

    def test_a_driver_that_goes_away_is_said(self):
        nvml.receive(self.process)
        self.stand_in.script("fail nvmlDeviceGetUtilizationRates 18\n" + nvml.L4)
        nvml.send(self.process, intervalMs=1000)
        self.assertEqual(
            nvml.receive(self.process),
            {"type": "failed", "message": "Driver/library version mismatch (NVML error 18)"},
        )
        self.assertEqual(self.process.wait(10), 3)


class Missing(unittest.TestCase):
    def test_a_machine_without_nvml_is_told_why(self):
        process = subprocess.run(
            [sys.executable, "-S", "-m", "velar_worker.nvml", "libnvml-of-no-machine.so"],
            env={"PYTHONPATH": harness.PACKAGES, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        said = json.loads(process.stdout)
        self.assertEqual((process.returncode, said["type"]), (3, "failed"))
        self.assertRegex(said["message"], "^libnvml-of-no-machine.so can't be loaded")
        self.assertEqual(process.stderr, "")


if __name__ == "__main__":
    unittest.main()
