"""Calls of one runner that run at once: threads, the event loop, their output, and how they end."""

import unittest

from harness.runtime import Runtime

APP = '''
    import asyncio
    import os
    import subprocess
    import threading
    import time
    import velar

    app = velar.App("test")
    here = threading.Barrier(4, timeout=20)
    released = threading.Event()
    arrived = []

    @app.function(max_concurrent_inputs=4)
    def meet(n):
        here.wait()
        return [n, os.getpid(), threading.current_thread() is threading.main_thread()]

    @app.function(max_concurrent_inputs=4)
    async def gather(n):
        arrived.append(n)
        while len(arrived) < 4:
            await asyncio.sleep(0.001)
        return [n, threading.get_ident()]

    @app.function(max_concurrent_inputs=2)
    def pair(n, most):
        arrived.append(n)
        running = len(arrived)
        while len(arrived) < 2:
            time.sleep(0.001)
        time.sleep(0.05)
        arrived.remove(n)
        return running <= most

    @app.function(max_concurrent_inputs=4)
    def talk(n):
        here.wait()
        for i in range(50):
            print("call", n, end=" ")
            print("line", i)
        print("no newline", n, end="")
        return n

    @app.function(max_concurrent_inputs=4)
    def shell(n):
        print("from python")
        here.wait()
        if n == 0:
            subprocess.run(["echo", "from a child"], check=True)
        here.wait()

    @app.function(max_concurrent_inputs=4)
    def spin(n):
        print("spinning", n)
        try:
            while not released.is_set():
                pass
        except BaseException as error:
            print("ended by", type(error).__name__, error)
            raise
        return n

    @app.function(max_concurrent_inputs=4)
    def release():
        released.set()

    @app.function(max_concurrent_inputs=4)
    async def idle(n):
        print("idling", n)
        try:
            await asyncio.sleep(60 if n == 0 else 0.2)
        finally:
            print("left", n)
        return n

    @app.function(max_concurrent_inputs=4)
    def stuck(n):
        while True:
            try:
                print("stuck", n)
                time.sleep(60)
            except BaseException:
                continue

    @app.function(max_concurrent_inputs=4)
    def ask(n):
        print("asking", n)
        return velar_nested.remote(n)

    @app.function()
    def velar_nested(n):
        return n

    @app.function(max_concurrent_inputs=4)
    def die(n):
        here.wait()
        if n == 0:
            os._exit(3)
        time.sleep(60)

    @app.function(max_concurrent_inputs=4)
    def count(n):
        for i in range(n):
            yield i

    @app.function(max_concurrent_inputs=4)
    async def acount(n):
        for i in range(n):
            await asyncio.sleep(0)
            yield i

    @app.cls(max_concurrent_inputs=4)
    class Model:
        @velar.enter()
        def load(self):
            arrived.append(self)
            time.sleep(0.1)

        @velar.method()
        def loaded(self):
            here.wait()
            return len(arrived)

        @velar.method()
        async def aloaded(self):
            return len(arrived)

    @app.function()
    def alone(n):
        print("alone", n)
        return threading.current_thread() is threading.main_thread()
'''


class Together(unittest.TestCase):
    def setUp(self):
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.runtime.load({"app.py": APP})

    def start(self, function, *args, at_once=4, **more):
        return self.runtime.start_call(function, *args, concurrent=at_once, **more)

    def answers(self, count):
        """The next answers, by call."""
        found = [self.runtime.expect("result", "error", "runner-exit") for _ in range(count)]
        return {answer["call"]: answer for answer in found}

    def test_threads_of_one_process_run_calls_at_once(self):
        calls = [self.start("meet", n) for n in range(4)]
        answers = self.answers(4)
        values = [answers[call].json()["value"] for call in calls]
        self.assertEqual([value[0] for value in values], [0, 1, 2, 3])
        self.assertEqual(len({value[1] for value in values}), 1)
        self.assertEqual({value[2] for value in values}, {False})

    def test_async_functions_share_one_event_loop(self):
        calls = [self.start("gather", n) for n in range(4)]
        answers = self.answers(4)
        values = [answers[call].json()["value"] for call in calls]
        self.assertEqual([value[0] for value in values], [0, 1, 2, 3])
        self.assertEqual(len({value[1] for value in values}), 1)

    def test_no_more_run_at_once_than_the_function_takes(self):
        for n in range(6):
            self.start("pair", n, 2, at_once=2)
        self.assertEqual([answer.json()["value"] for answer in self.answers(6).values()], [True] * 6)

    def test_a_batch_runs_at_once_too(self):
        header = {"concurrent": 4}
        first = self.runtime.start_batch("meet", [((n,), {}) for n in range(4)], **header)
        seen = {}
        while len(seen) < 4:
            answer = self.runtime.expect("results")
            for item in answer["items"]:
                seen[item["call"]] = item["ok"]
        self.assertEqual(seen, {first + n: True for n in range(4)})

    def test_each_line_belongs_to_the_call_that_printed_it_and_comes_before_its_result(self):
        calls = [self.start("talk", n) for n in range(4)]
        for _ in calls:
            call = self.runtime.expect("result")["call"]
            n = calls.index(call)
            expected = "".join("call %d line %d\n" % (n, i) for i in range(50)) + "no newline %d" % n
            self.assertEqual(self.runtime.output(call), expected)
        self.assertEqual(self.runtime.output(0), "")

    def test_what_a_child_process_prints_belongs_to_the_container(self):
        calls = [self.start("shell", n) for n in range(4)]
        self.answers(4)
        self.assertEqual(self.runtime.output(0), "from a child\n")
        self.assertEqual({self.runtime.output(call) for call in calls}, {"from python\n"})

    def test_one_thread_is_interrupted_and_the_others_go_on(self):
        calls = [self.start("spin", n) for n in range(3)]
        for n in range(3):
            self.runtime.wait_for_log("spinning %d\n" % n)
        self.runtime.send({"type": "cancel", "call": calls[1], "graceMs": 9000, "reason": "timeout", "direct": False})
        ended = self.runtime.expect("error", "runner-exit")
        self.assertEqual((ended["call"], ended["error"]["kind"]), (calls[1], "timeout"))
        self.assertTrue(ended["error"]["traceback"])
        self.assertIn("ended by TimedOut timeout", self.runtime.output(calls[1]))
        self.start("release")
        answers = self.answers(3)
        self.assertEqual([answers[calls[n]].json()["value"] for n in (0, 2)], [0, 2])

    def test_one_task_is_cancelled_and_the_others_go_on(self):
        calls = [self.start("idle", n) for n in range(2)]
        for n in range(2):
            self.runtime.wait_for_log("idling %d\n" % n)
        self.runtime.send({"type": "cancel", "call": calls[0], "graceMs": 9000, "reason": "cancelled", "direct": False})
        answers = self.answers(2)
        self.assertEqual(answers[calls[0]]["error"]["kind"], "cancelled")
        self.assertEqual(answers[calls[1]].json()["value"], 1)
        self.assertIn("left 0", self.runtime.output(calls[0]))

    def test_a_call_that_waits_for_another_function_is_interrupted(self):
        call = self.start("ask", 1)
        self.runtime.wait_for_log("asking 1\n")
        self.runtime.expect("inputs")
        self.runtime.send({"type": "cancel", "call": call, "graceMs": 9000, "reason": "cancelled", "direct": False})
        ended = self.runtime.expect("error", "runner-exit")
        self.assertEqual((ended["call"], ended["error"]["kind"]), (call, "cancelled"))

    def test_a_call_that_has_not_begun_ends_at_once_when_cancelled(self):
        first = self.start("spin", 0, at_once=1 + 1)
        second = self.start("spin", 1, at_once=2)
        third = self.start("spin", 2, at_once=2)
        self.runtime.wait_for_log("spinning 1\n")
        self.runtime.send({"type": "cancel", "call": third, "graceMs": 9000, "reason": "cancelled", "direct": False})
        self.assertEqual(self.runtime.expect("error")["call"], third)
        for call in (first, second):
            self.runtime.send({"type": "cancel", "call": call, "graceMs": 9000, "reason": "cancelled", "direct": False})
        self.assertEqual({self.runtime.expect("error")["call"] for _ in range(2)}, {first, second})
        self.assertEqual(self.runtime.output(third), "")

    def test_a_call_that_does_not_end_in_its_grace_ends_its_runner(self):
        calls = [self.start("stuck", n) for n in range(2)]
        for n in range(2):
            self.runtime.wait_for_log("stuck %d\n" % n)
        self.runtime.send({"type": "cancel", "call": calls[1], "graceMs": 50, "reason": "cancelled", "direct": False})
        ended = self.runtime.expect("runner-exit", "error")
        self.assertEqual((ended["type"], ended["error"]["kind"]), ("runner-exit", "cancelled"))
        self.assertEqual(set(ended["calls"]), set(calls))

    def test_a_crash_names_every_call_that_it_took_with_it(self):
        calls = [self.start("die", n) for n in range(4)]
        ended = self.runtime.expect("runner-exit", "error")
        self.assertEqual((ended["type"], ended["code"]), ("runner-exit", 3))
        self.assertEqual(set(ended["calls"]), set(calls))

    def test_an_object_is_made_once_for_calls_at_once(self):
        for _ in range(4):
            self.start("Model.loaded", constructor=[])
        self.assertEqual([answer.json()["value"] for answer in self.answers(4).values()], [1] * 4)

    def test_an_object_of_async_methods_is_made_once_too(self):
        for _ in range(4):
            self.start("Model.aloaded", constructor=[])
        self.assertEqual([answer.json()["value"] for answer in self.answers(4).values()], [1] * 4)

    def test_generators_are_collected_and_streamed(self):
        for function in ("count", "acount"):
            self.start(function, 3)
            self.assertEqual(self.runtime.expect("result", "error").json()["value"], [0, 1, 2])
            self.start(function, 3, stream=True)
            items = [self.runtime.expect("yield", "error").json()["value"] for _ in range(3)]
            self.assertEqual(items, [0, 1, 2])
            self.runtime.expect("result")

    def test_calls_alone_run_in_the_main_thread_again(self):
        self.start("release")
        self.runtime.expect("result")
        call = self.runtime.start_call("alone", 1)
        self.assertEqual(self.runtime.expect("result", "error").json()["value"], True)
        self.assertEqual(self.runtime.output(call), "alone 1\n")

    def test_the_worker_stops_while_calls_run_at_once(self):
        for n in range(2):
            self.start("spin", n)
        self.runtime.wait_for_log("spinning 1\n")
        self.runtime.send({"type": "stop", "graceMs": 9000})
        self.assertEqual({answer["error"]["kind"] for answer in self.answers(2).values()}, {"cancelled"})
        self.assertEqual(self.runtime.expect("runner-exit")["code"], 0)


if __name__ == "__main__":
    unittest.main()
