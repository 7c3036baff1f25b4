"""Memory that runs out, on a GPU and on the host: recognised, told from other ends, and explained."""

import os
import signal
import unittest

from harness.runtime import Runtime

from velar.exception import GpuOutOfMemory
from velar_worker.gpu_memory import exhausted

APP = """
    import concurrent.futures
    import os
    import signal
    import subprocess
    import sys
    import velar
    app = velar.App("m")

    FILL = "data = [bytearray(b'x' * (16 << 20)) for _ in range(400)]"

    @app.function()
    def fill():
        exec(FILL)

    @app.function()
    def fill_in_a_child():
        subprocess.run([sys.executable, "-c", FILL], check=True)

    @app.function()
    def kill_a_child():
        child = subprocess.Popen(["sleep", "60"])
        child.kill()
        if child.wait():
            raise subprocess.CalledProcessError(child.returncode, "sleep")

    @app.function()
    def wait():
        os.kill(os.getpid(), signal.SIGKILL)
    """
FAKES = {
    "app.py": """
        import velar
        app = velar.App("g")

        @app.function()
        def run(name):
            import transformers
            transformers.Model.from_pretrained(name)
            raise RuntimeError("CUDA error: out of memory")

        @app.function()
        def loads():
            import transformers
            return transformers.LOADS
        """,
    "transformers.py": """
        LOADS = []
        class Model:
            @classmethod
            def from_pretrained(cls, name):
                LOADS.append(name)
                return cls()
        """,
}


def error(text, name="RuntimeError", module="builtins"):
    return type(name, (RuntimeError,), {"__module__": module})(text)


class Recognised(unittest.TestCase):
    """Class names and texts as the libraries have them."""

    def test_what_libraries_say_when_a_gpu_is_full(self):
        for each in (
            error("CUDA out of memory. Tried to allocate 20.00 GiB.", "OutOfMemoryError", "torch"),
            error("CUDA out of memory. Tried to allocate 20.00 GiB.", "OutOfMemoryError", "torch.cuda"),
            error("HIP out of memory. Tried to allocate 2.00 GiB."),
            error("CUDA error: out of memory"),
            error("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
            error("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
            error("Out of memory allocating 8,000 bytes (allocated so far: 0)", "OutOfMemoryError", "cupy.cuda.memory"),
            error("cudaErrorMemoryAllocation: out of memory", "CUDARuntimeError", "cupy_backends.cuda.api.runtime"),
            error("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY", "CudaAPIError", "numba.cuda.cudadrv.driver"),
            error(
                "OOM when allocating tensor with shape[1] on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc",
                "ResourceExhaustedError",
                "tensorflow.python.framework.errors_impl",
            ),
            error("RESOURCE_EXHAUSTED: Failed to allocate request for 8GiB on device ordinal 0: CUDA", "XlaRuntimeError", "jaxlib"),
        ):
            self.assertTrue(exhausted(each), each)

    def test_other_errors_are_not_taken_for_it(self):
        for each in (
            error("CUDA error: an illegal memory access was encountered"),
            error("out of memory"),
            error("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.", "XlaRuntimeError", "jaxlib"),
            error("OOM when allocating tensor on /device:CPU:0 by allocator cpu", "ResourceExhaustedError", "tensorflow"),
            error("boom", "OutOfMemoryError", "mine"),
            MemoryError("CUDA"),
            GpuOutOfMemory("CUDA out of memory"),
        ):
            self.assertFalse(exhausted(each), each)


class OnAGpu(unittest.TestCase):
    """The package is a stand-in for transformers, and so is the error's text for a full card."""

    def test_the_error_says_what_held_the_memory_and_lets_go_of_the_rest(self):
        with Runtime() as runtime:
            runtime.load(FAKES)
            runtime.call("run", "small")
            failed = runtime.call("run", "large")["error"]
            self.assertEqual((failed["kind"], failed["type"]), ("gpu-oom", "RuntimeError"))
            self.assertRegex(failed["hint"], r"Models in memory: small \(.+\), large \(.+\)\.")
            self.assertIn("have been let go", failed["hint"])
            self.assertEqual(len(failed["details"]["models"]), 2)
            again = runtime.call("run", "large")["error"]
            self.assertEqual(runtime.value("loads"), ["small", "large"])
            self.assertRegex(again["hint"], r"Models in memory: large \([^)]+\)\.$")


def memory_group():
    """A memory control group for a test, of either version; None where none can be made."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in lines:
        root = "/sys/fs/cgroup/memory" if controllers == "memory" else "/sys/fs/cgroup" if not controllers else None
        if root is None:
            continue
        folder = "%s%s/velar-test-%d" % (root, path.rstrip("/"), os.getpid())
        try:
            os.mkdir(folder)
        except OSError:
            continue
        for name in ("memory.limit_in_bytes", "memory.max"):
            if os.path.exists(os.path.join(folder, name)):
                return folder, name
        os.rmdir(folder)
    return None


class OnTheHost(unittest.TestCase):
    def setUp(self):
        made = memory_group() if os.path.exists("/proc/self/cgroup") else None
        if made is None:
            self.skipTest("no memory control group can be made here")
        self.folder, limit = made
        self.addCleanup(os.rmdir, self.folder)
        self.runtime = Runtime().__enter__()
        self.addCleanup(self.runtime.__exit__)
        self.write(limit, 256 << 20)
        self.write("cgroup.procs", self.runtime.process.pid)
        self.runtime.load({"app.py": APP})

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(str(value))

    def test_a_runner_that_is_killed_for_memory_is_told_from_one_that_is_killed(self):
        end = self.runtime.call("fill")
        self.assertEqual((end["type"], end["signal"], end["oom"]), ("runner-exit", signal.SIGKILL, True))
        self.assertEqual((end["error"]["kind"], end["error"]["type"]), ("oom", "OutOfMemory"))
        self.assertIn("It may use 268 MB.", end["error"]["hint"])
        self.runtime.load({"app.py": APP})
        end = self.runtime.call("wait")
        self.assertEqual((end["signal"], end["oom"]), (signal.SIGKILL, False))
        self.assertEqual(end["error"]["kind"], "infrastructure")

    def test_so_is_a_process_that_the_function_started(self):
        killed = self.runtime.call("kill_a_child")["error"]
        self.assertEqual((killed["kind"], killed.get("hint")), ("user", None))
        failed = self.runtime.call("fill_in_a_child")["error"]
        self.assertEqual((failed["kind"], failed["type"]), ("oom", "CalledProcessError"))
        self.assertIn("ran out of memory. It may use 268 MB.", failed["hint"])
        self.assertEqual(self.runtime.call("kill_a_child")["error"]["kind"], "user")


if __name__ == "__main__":
    unittest.main()
