"""How calls fail: each way gives its own typed error, and nothing that was printed before is lost."""

import os
import random
import signal
import time
import unittest

from harness.runtime import Runtime, alive, gone

APP = '''
    import ctypes
    import faulthandler
    import os
    import signal
    import subprocess
    import sys
    import threading
    import time
    import velar

    app = velar.App("test")

    def inner(x):
        return 1 / x

    @app.function()
    def boom(x):
        print("before the end")
        return inner(x)

    @app.function()
    def chained():
        import json
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("no config") from error

    @app.function()
    def leave(code):
        print("before the end")
        sys.exit(code)

    @app.function()
    def hard_exit(code):
        print("before the end")
        os._exit(code)

    def crash():
        ctypes.string_at(0)

    @app.function()
    def segfault():
        print("before the end")
        crash()

    @app.function()
    def pid():
        return os.getpid()

    @app.function()
    def wait(seconds):
        print("waiting")
        time.sleep(seconds)

    @app.function()
    def stubborn():
        while True:
            try:
                print("stubborn")
                while True:
                    time.sleep(0.05)
            except BaseException:
                print("no")

    @app.function()
    def polite():
        try:
            print("polite")
            time.sleep(60)
        finally:
            print("cleaned up")

    @app.function()
    def unpicklable():
        return threading.Lock()

    @app.function()
    def huge(mebibytes):
        return bytes(mebibytes << 20)

    @app.function()
    def forked():
        child = os.fork()
        if child == 0:
            return "from the child"
        os.waitpid(child, 0)
        return "from the parent"

    @app.function()
    def spawned():
        process = subprocess.Popen(["sleep", "300"])
        print("child", process.pid)
        time.sleep(300)

    @app.function()
    def daemon():
        process = subprocess.Popen(["sleep", "300"], start_new_session=True)
        return process.pid

    @app.function()
    def meddle():
        for fd in range(3, 30):
            try:
                os.write(fd, b"garbage that is no frame at all")
            except OSError:
                pass
        time.sleep(60)

    @app.function()
    def closed():
        sys.stdout.close()
        os.close(2)
        return "done"

    @app.function()
    def spin(seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return 1

    @app.function()
    def nested():
        print("asking")
        return ok.remote()

    @app.function()
    def ok():
        return "ok"
'''


class Failures(unittest.TestCase):
    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"pkg/app.py": APP}, "pkg/app.py")

    def error(self, function, *args, **more):
        answer = self.runtime.call(function, *args, **more)
        self.assertIn(answer["type"], ("error", "runner-exit"), answer)
        return answer["error"]

    def line(self, text):
        import textwrap

        lines = textwrap.dedent(APP).splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def test_an_exception_has_the_lines_of_the_user(self):
        error = self.error("boom", 0)
        self.assertEqual((error["kind"], error["type"], error["message"]), ("user", "ZeroDivisionError", "division by zero"))
        self.assertEqual(
            [(f["file"], f["line"], f["function"]) for f in error["traceback"]],
            [("pkg/app.py", self.line("return inner(x)"), "boom"), ("pkg/app.py", self.line("return 1 / x"), "inner")],
        )
        self.assertIn('File "pkg/app.py", line %d, in inner' % self.line("return 1 / x"), error["text"])
        self.assertNotIn("velar_worker", error["text"])
        self.assertEqual(self.runtime.output(1), "before the end\n")
        self.assertEqual(self.runtime.value("ok"), "ok")

    def test_a_chain_of_exceptions_shows_both_and_ends_in_the_library_frame_only_where_it_ended_there(self):
        error = self.error("chained")
        self.assertIn("JSONDecodeError", error["text"])
        self.assertIn("direct cause", error["text"])
        self.assertNotIn("decoder.py", error["text"])
        self.assertEqual([f["file"] for f in error["traceback"]], ["pkg/app.py"])

    def test_sys_exit_is_an_error_of_the_user(self):
        error = self.error("leave", 3)
        self.assertEqual((error["kind"], error["type"]), ("user", "SystemExit"))
        self.assertIn("sys.exit(3)", error["message"])
        self.assertEqual(self.runtime.output(1), "before the end\n")
        self.assertEqual(self.runtime.value("ok"), "ok")

    def test_a_hard_exit_names_its_code(self):
        answer = self.runtime.call("hard_exit", 7)
        self.assertEqual((answer["type"], answer["code"], answer["signal"], answer["calls"]), ("runner-exit", 7, None, [1]))
        self.assertEqual((answer["error"]["kind"], answer["error"]["type"]), ("user", "RunnerExited"))
        self.assertIn("code 7", answer["error"]["message"])
        self.assertEqual(self.runtime.output(1), "before the end\n")

    def test_a_segfault_points_at_the_line_that_called_into_native_code(self):
        answer = self.runtime.call("segfault")
        error = answer["error"]
        self.assertEqual((answer["signal"], error["kind"], error["type"]), (signal.SIGSEGV, "user", "Segfault"))
        own = [(f["file"], f["line"], f["function"]) for f in error["traceback"] if f["file"] == "pkg/app.py"]
        self.assertEqual(own[-1], ("pkg/app.py", self.line("ctypes.string_at(0)"), "crash"))
        self.assertEqual(self.runtime.output(1), "before the end\n")

    def test_a_runner_killed_from_outside_is_no_fault_of_the_user(self):
        pid = self.runtime.value("pid")
        call = self.runtime.start_call("wait", 60)
        self.runtime.wait_for_log("waiting\n")
        os.kill(pid, signal.SIGKILL)
        answer = self.runtime.expect("runner-exit")
        self.assertEqual((answer["error"]["kind"], answer["error"]["type"]), ("infrastructure", "RunnerKilled"))
        self.assertEqual((answer["calls"], answer["signal"], answer["oom"]), ([call], signal.SIGKILL, False))
        self.assertEqual(self.runtime.call("ok")["error"]["type"], "NoRunner")

    def test_a_cancelled_call_may_clean_up(self):
        call = self.runtime.start_call("polite")
        self.runtime.wait_for_log("polite\n")
        self.runtime.cancel(call)
        error = self.runtime.expect("error")["error"]
        self.assertEqual((error["kind"], error["type"]), ("cancelled", "Cancelled"))
        self.assertIn(error["traceback"][-1]["line"], (self.line('print("polite")'), self.line("time.sleep(60)")))
        self.assertEqual(self.runtime.output(call), "polite\ncleaned up\n")
        self.assertEqual(self.runtime.value("ok"), "ok")

    def test_a_timeout_is_told_apart_from_a_cancel(self):
        call = self.runtime.start_call("wait", 60)
        self.runtime.wait_for_log("waiting\n")
        self.runtime.cancel(call, reason="timeout")
        error = self.runtime.expect("error")["error"]
        self.assertEqual((error["kind"], error["type"]), ("timeout", "FunctionTimeout"))

    def test_a_call_that_ignores_its_cancel_is_killed_after_the_grace(self):
        call = self.runtime.start_call("stubborn")
        self.runtime.wait_for_log("stubborn\n")
        self.runtime.cancel(call, grace_ms=200)
        answer = self.runtime.expect("runner-exit")
        self.assertEqual((answer["error"]["kind"], answer["calls"]), ("cancelled", [call]))
        self.assertIn("no\n", self.runtime.output(call))

    def test_a_cancel_of_a_waiting_call_leaves_the_running_one_alone(self):
        running = self.runtime.start_call("wait", 0.5)
        waiting = self.runtime.start_call("ok")
        after = self.runtime.start_call("ok")
        self.runtime.wait_for_log("waiting\n")
        self.runtime.cancel(waiting, grace_ms=50)
        answers = [self.runtime.expect("result", "error") for _ in range(3)]
        self.assertEqual([answer["call"] for answer in answers], [running, waiting, after])
        self.assertEqual([answer["type"] for answer in answers], ["result", "error", "result"])
        self.assertEqual(answers[1]["error"]["kind"], "cancelled")

    def test_a_cancel_at_any_instant_gives_exactly_one_answer_and_keeps_the_runner(self):
        random.seed(1)
        seen = set()
        for _ in range(200):
            call = self.runtime.start_call("spin", random.random() * 0.002)
            time.sleep(random.random() * 0.002)
            self.runtime.cancel(call, grace_ms=20_000)
            answer = self.runtime.expect("result", "error", "runner-exit")
            self.assertEqual((answer["type"] in ("result", "error"), answer["call"]), (True, call), answer)
            seen.add(answer["type"] if answer["type"] == "result" else answer["error"]["kind"])
        self.assertLessEqual(seen, {"result", "cancelled"})
        first = self.runtime.start_batch("spin", [((0.001,), {})] * 60)
        for call in (first + 2, first + 30, first + 59):
            self.runtime.cancel(call, grace_ms=20_000)
        results = self.runtime.batch_results(60)
        self.assertEqual({ok for call, (ok, _) in results.items() if call not in (first + 2, first + 30, first + 59)}, {True})

    def test_a_cancel_while_waiting_for_another_function_cancels_that_too(self):
        call = self.runtime.start_call("nested")
        invocation = self.runtime.expect("invoke")["invocation"]
        self.runtime.expect("inputs")
        self.runtime.cancel(call)
        answers = [self.runtime.expect("cancel-invocation", "error") for _ in range(2)]
        self.assertEqual([answer["type"] for answer in answers], ["cancel-invocation", "error"])
        self.assertEqual((answers[0]["invocation"], answers[1]["error"]["kind"]), (invocation, "cancelled"))
        self.assertEqual(self.runtime.value("ok"), "ok")

    def test_a_result_that_cannot_be_pickled_says_so_and_is_shown_by_its_repr_otherwise(self):
        self.runtime.start_pickle("unpicklable", ((), {}))
        error = self.runtime.expect("error")["error"]
        self.assertEqual((error["kind"], error["type"]), ("user", "ResultNotSerializable"))
        shown = self.runtime.call("unpicklable").json()["mime"]["text/plain"]
        self.assertIn("lock", shown)

    def test_a_huge_result_is_refused_at_its_source(self):
        error = self.error("huge", 65)
        self.assertEqual((error["kind"], error["type"]), ("user", "ResultTooLarge"))
        self.assertIn("Volume", error["message"])
        self.runtime.start_pickle("huge", ((40,), {}))
        self.assertEqual(len(self.runtime.expect("result").pickle()), 40 << 20)

    def test_a_forked_child_that_returns_does_not_answer_for_its_parent(self):
        self.assertEqual(self.runtime.value("forked"), "from the parent")
        self.assertEqual(self.runtime.value("ok"), "ok")

    def test_children_of_a_killed_call_die_with_it(self):
        call = self.runtime.start_call("spawned")
        self.runtime.wait_for_log("child ")
        child = int(self.runtime.output(call).split()[1])
        self.assertTrue(alive(child))
        self.runtime.cancel(call, grace_ms=0)
        answer = self.runtime.expect("runner-exit", "error")
        if answer["type"] == "error":
            self.runtime.send({"type": "stop", "graceMs": 1000})
        self.assertTrue(gone(child))

    def test_nothing_survives_a_lost_runtime(self):
        runner = self.runtime.value("pid")
        daemon = self.runtime.value("daemon")
        self.runtime.start_call("wait", 300)
        self.runtime.wait_for_log("waiting\n")
        self.runtime.sock.close()
        self.assertEqual(self.runtime.process.wait(30), 0)
        self.assertTrue(gone(runner))
        self.assertTrue(gone(daemon))

    def test_the_runner_dies_with_a_killed_supervisor(self):
        runner = self.runtime.value("pid")
        self.runtime.process.kill()
        self.assertTrue(gone(runner))

    def test_code_that_writes_into_the_channel_is_stopped_with_an_error(self):
        call = self.runtime.start_call("meddle")
        answer = self.runtime.expect("runner-exit")
        self.assertEqual(answer["calls"], [call])
        self.assertEqual(answer["error"]["kind"], "infrastructure")

    def test_code_that_closes_its_streams_still_answers(self):
        self.assertEqual(self.runtime.value("closed"), "done")

    def test_a_broken_frame_of_the_runtime_ends_the_worker_with_a_reason(self):
        self.runtime.sock.sendall(b"\xff\xff\xff\xff nonsense")
        self.assertEqual(self.runtime.process.wait(30), 3)
        self.assertIn(b"broken frame", self.runtime.process.stderr.read())


class StartFailures(unittest.TestCase):
    def test_a_bundle_that_leaves_its_root_is_refused(self):
        with Runtime() as runtime:
            blob = runtime.blobs.put(b"x")
            entry = {"path": "../outside.py", "sha256": blob, "size": 1, "mode": 0o644}
            runtime.start_load(runtime.blobs.manifest([entry]))
            while True:
                got = runtime.next()
                if got["type"] == "load-failed":
                    break
            self.assertEqual(got["error"]["type"], "BundleDamaged")
            self.assertFalse(os.path.exists(os.path.join(runtime.workdir, "outside.py")))

    def test_a_crash_on_import_fails_the_load(self):
        with Runtime() as runtime:
            runtime.start_load({"app.py": "import os\nprint('here', flush=True)\nos._exit(9)\n"})
            while True:
                got = runtime.next()
                if got["type"] == "load-failed":
                    break
            self.assertEqual(got["error"]["type"], "RunnerExited")
            self.assertEqual(runtime.output(0), "here\n")
            self.assertEqual(runtime.expect("runner-exit")["code"], 9)


if __name__ == "__main__":
    unittest.main()
