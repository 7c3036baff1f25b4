"""``.remote``, ``.map`` and their kin over the caller protocol, against a peer that really computes."""

import itertools
import threading
import time
import unittest

from harness.caller import CallerPeer

import velar
from velar import _caller, exception
from velar._channel import Channel

app = velar.App("caller-tests")


@app.function()
def work(value, plus=0):
    """What it does is up to the peer."""


@app.function()
def items(value):
    yield value


@app.cls()
class Model:
    def __init__(self, size):
        raise AssertionError("made here")

    @velar.method()
    def ask(self, text):
        """What it does is up to the peer."""


def double(args, kwargs):
    if args[0] == "bad":
        raise ValueError("no " + args[0])
    return args[0] * 2 + kwargs.get("plus", 0)


def missing():
    raise ModuleNotFoundError("No module named 'elsewhere'")


class Foreign:
    """Of a package that is missing where the result is read."""

    def __reduce__(self):
        return (missing, ())


def foreign_at_two(args, kwargs):
    return Foreign() if args[0] == 2 else args[0]


class Calling(unittest.TestCase):
    def connect(self, handle=double, **more):
        peer = CallerPeer(handle, **more)
        _caller.connect(_caller.Caller(Channel(peer.theirs.fileno(), peer.theirs.fileno())))
        self.addCleanup(peer.close)
        self.addCleanup(_caller.connect, None)
        return peer

    def test_remote(self):
        peer = self.connect()
        self.assertEqual(work.remote(4, plus=1), 9)
        invoke = peer.invocations[1]
        self.assertEqual((invoke["app"], invoke["function"], invoke["mode"]), ("caller-tests", "work", "call"))
        self.assertFalse(invoke["instance"])

    def test_a_remote_exception_is_raised_with_its_traceback(self):
        self.connect()
        with self.assertRaises(ValueError) as caught:
            work.remote("bad")
        self.assertIsInstance(caught.exception, exception.RemoteError)
        self.assertEqual((caught.exception.message, caught.exception.remote_traceback), ("no bad", "T"))

    def test_arguments_that_cannot_be_sent(self):
        peer = self.connect()
        with self.assertRaisesRegex(exception.InputNotSerializable, "picklable"):
            work.remote(threading.Lock())
        self.assertEqual(peer.invocations, {})

    def test_a_method_carries_what_its_object_is_made_from(self):
        peer = self.connect(lambda made, args, kwargs: [made, args, kwargs])
        self.assertEqual(Model(3).ask.remote("hi"), [((3,), {}), ("hi",), {}])
        self.assertEqual(peer.invocations[1]["function"], "Model.ask")
        self.assertTrue(peer.invocations[1]["instance"])

    def test_a_generator_arrives_item_by_item(self):
        peer = self.connect(lambda args, kwargs: iter(range(args[0])))
        self.assertEqual(list(items.remote_gen(5)), [0, 1, 2, 3, 4])
        self.assertEqual(peer.cancelled, [])
        stream = items.remote_gen(5)
        self.assertEqual(next(stream), 0)
        stream.close()

    def test_map_keeps_the_order_of_the_inputs(self):
        peer = self.connect(shuffle=True)
        self.assertEqual(list(work.map(range(5000))), [i * 2 for i in range(5000)])
        self.assertLessEqual(max(peer.batches), 256)
        self.assertLess(len(peer.batches), 400)
        self.assertEqual(peer.cancelled, [])

    def test_map_as_completed_gives_every_result_once(self):
        self.connect(shuffle=True)
        results = list(work.map(range(2000), order_outputs=False, kwargs={"plus": 1}))
        self.assertNotEqual(results, sorted(results))
        self.assertEqual(sorted(results), [i * 2 + 1 for i in range(2000)])

    def test_map_of_nothing(self):
        self.connect()
        self.assertEqual(list(work.map([])), [])

    def test_map_over_several_iterables_and_starmap(self):
        self.connect(lambda args, kwargs: args)
        self.assertEqual(list(work.map([1, 2], "ab")), [(1, "a"), (2, "b")])
        self.assertEqual(list(work.starmap([[1, 2], (3,)])), [(1, 2), (3,)])

    def test_the_first_failure_raises_and_cancels_the_rest(self):
        peer = self.connect()
        results = work.map(itertools.chain([1, 2, "bad"], itertools.repeat(3)))
        self.assertEqual([next(results), next(results)], [2, 4])
        with self.assertRaises(ValueError):
            next(results)
        work.remote(1)
        self.assertEqual(peer.cancelled, [1])

    def test_failures_may_be_results(self):
        self.connect()
        results = list(work.map([1, "bad", 2], return_exceptions=True))
        self.assertEqual((results[0], results[2]), (2, 4))
        self.assertIsInstance(results[1], ValueError)
        work.for_each([1, "bad"], ignore_exceptions=True)
        with self.assertRaises(ValueError):
            work.for_each([1, "bad"])

    def test_a_result_that_cannot_be_read_here_is_the_failure_of_its_input_alone(self):
        self.connect(foreign_at_two)
        for ordered in (True, False):
            results = list(work.map(range(5), order_outputs=ordered, return_exceptions=True))
            self.assertEqual(results[:2] + results[3:], [0, 1, 3, 4])
            self.assertIsInstance(results[2], exception.OutputNotReadable)
            self.assertIn("elsewhere", str(results[2]))
        work.for_each(range(5), ignore_exceptions=True)
        results = work.map(range(5))
        self.assertEqual([next(results), next(results)], [0, 1])
        with self.assertRaises(exception.OutputNotReadable):
            next(results)

    def test_a_spawned_result_that_cannot_be_read_here_says_so_each_time(self):
        self.connect(foreign_at_two)
        call = work.spawn(2)
        for _ in range(2):
            with self.assertRaises(exception.OutputNotReadable):
                call.get(timeout=10)

    def test_an_endless_input_is_read_no_further_than_credit_allows(self):
        hold = threading.Event()
        peer = self.connect(hold=hold)
        taken = itertools.count()
        results = work.map(next(taken) for _ in itertools.repeat(None))
        reader = threading.Thread(target=lambda: next(results))
        reader.start()
        deadline = time.monotonic() + 5
        while sum(peer.batches) < 256 and time.monotonic() < deadline:
            time.sleep(0.01)
        hold.set()
        reader.join(20)
        self.assertLess(next(taken), 1000 + 256 * 3)
        results.close()

    def test_large_inputs_are_read_no_further_ahead_than_their_bytes_allow(self):
        hold = threading.Event()
        self.connect(lambda args, kwargs: len(args[0]), hold=hold)
        size, taken = 5 << 20, []

        def large():
            for i in range(40):
                taken.append(i)
                yield bytes(size)

        results = work.map(large())
        threading.Timer(0.5, hold.set).start()
        self.assertEqual(next(results), size)
        self.assertLessEqual(len(taken), 64 // 5 + 2)
        self.assertEqual(list(results), [size] * 39)
        self.assertEqual(len(taken), 40)

    def test_the_larger_results_are_the_fewer_inputs_go_ahead(self):
        size, taken = 128 << 10, []
        self.connect(lambda args, kwargs: bytes(size), shuffle=True)

        def numbers():
            for i in range(2000):
                taken.append(i)
                yield i

        for done, result in enumerate(work.map(numbers()), 1):
            self.assertEqual(len(result), size)
            # How large results are shows with the first ones: what was sent before does not count.
            if done > 1000:
                self.assertLessEqual(len(taken) - done, (64 << 20) // size)
        self.assertEqual(done, 2000)

    def test_a_slow_input_is_not_held_back_until_the_batch_is_full(self):
        self.connect()

        taken = []

        def slowly():
            for i in range(10):
                time.sleep(0.03)
                taken.append(i)
                yield i

        results = work.map(slowly())
        self.assertEqual(next(results), 0)
        self.assertLess(len(taken), 6)
        self.assertEqual(list(results), [i * 2 for i in range(1, 10)])

    def test_spawn_returns_at_once_and_its_result_waits(self):
        hold = threading.Event()
        peer = self.connect(hold=hold)
        call = work.spawn(21)
        with self.assertRaises(exception.OutputTimeout):
            call.get(timeout=0.05)
        hold.set()
        self.assertEqual((call.get(timeout=10), call.get()), (42, 42))
        self.assertEqual(peer.invocations[1]["mode"], "spawn")

    def test_a_spawned_call_can_be_cancelled(self):
        hold = threading.Event()
        peer = self.connect(hold=hold)
        call = work.spawn(1)
        call.cancel()
        hold.set()
        call.get()
        work.remote(1)
        self.assertEqual(peer.cancelled, [1])

    def test_many_threads_share_the_connection(self):
        self.connect()
        results = {}

        def run(n):
            results[n] = [work.remote(n * 100 + i) for i in range(50)] + list(work.map(range(n, n + 200)))

        threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for n in range(6):
            expected = [(n * 100 + i) * 2 for i in range(50)] + [i * 2 for i in range(n, n + 200)]
            self.assertEqual(results[n], expected)

    def test_a_lost_connection_is_an_error_for_everyone_who_waits(self):
        hold = threading.Event()
        peer = self.connect(hold=hold)
        call = work.spawn(1)
        peer.mine.shutdown(2)
        with self.assertRaises(exception.ConnectionLost):
            call.get(timeout=10)
        with self.assertRaises(exception.ConnectionLost):
            work.remote(1)
        hold.set()

    def test_an_early_end_is_an_error(self):
        peer = self.connect(hold=threading.Event())
        call = work.spawn(1)
        wire = {"kind": "infrastructure", "type": "NoCapacity", "message": "no GPU is free"}
        peer.send({"type": "invocation-end", "invocation": 1, "error": wire})
        with self.assertRaisesRegex(exception.InfrastructureError, "no GPU is free"):
            call.get(timeout=10)
        peer.hold.set()

    def test_a_process_that_was_forked_must_not_use_the_connection(self):
        import os

        self.connect()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                work.remote(1)
                os.write(write, b"called")
            except exception.NotConnected as error:
                os.write(write, b"refused" if "forked" in str(error) else b"?")
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        os.close(write)
        self.assertEqual(os.read(read, 100), b"refused")
        os.close(read)
        self.assertEqual(work.remote(1), 2)


if __name__ == "__main__":
    unittest.main()
