"""A local entrypoint in a Python of its own, with the runtime's end on two file descriptors."""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

from harness import PACKAGES
from harness.caller import pipes

from velar._framing import FrameBuffer, message, parse_message

APP = """
    import sys
    import surely_not_installed
    import velar
    from surely_not_installed.nn import Layer

    app = velar.App("local")

    class Net(Layer):
        pass

    @app.function(gpu="L4")
    @surely_not_installed.wrap
    def double(x):
        return x * 2

    @app.local_entrypoint()
    def main(count=3, name="x"):
        print("hello", name, sum(double.map(range(count))), double.remote(5))

    @app.local_entrypoint()
    def fails():
        raise ValueError("no luck")

    @app.local_entrypoint()
    def leaves():
        sys.exit(4)

    @app.local_entrypoint()
    def uses():
        surely_not_installed.tensor([1])

    @app.local_entrypoint()
    def waits():
        print("waiting", flush=True)
        double.remote(1)
"""


class Local(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.error_file = os.path.join(self.folder, "error.json")
        with open(os.path.join(self.folder, "app.py"), "w") as file:
            file.write(textwrap.dedent(APP))

    def start(self, name, arguments=None, connected=True, texts=None):
        theirs_read, theirs_write, ours_write, ours_read = pipes()
        env = {**os.environ, "PYTHONPATH": PACKAGES, "VELAR_ERROR_FILE": self.error_file}
        if texts is not None:
            env["VELAR_UNSAVED_FILE"] = os.path.join(self.folder, "unsaved.json")
            with open(env["VELAR_UNSAVED_FILE"], "w") as file:
                json.dump({os.path.realpath(os.path.join(self.folder, name)): texts[name] for name in texts}, file)
        if connected:
            env["VELAR_CALLER_FDS"] = "%d,%d" % (theirs_read, theirs_write)
        command = [sys.executable, "-m", "velar_worker.local", "app.py", name]
        if arguments is not None:
            command.append(json.dumps(arguments))
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            pass_fds=(theirs_read, theirs_write),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(theirs_read)
        os.close(theirs_write)
        self.addCleanup(os.close, ours_write)
        self.addCleanup(os.close, ours_read)
        return process, ours_read, ours_write

    def serve(self, read, write):
        buffer = FrameBuffer()
        while True:
            chunk = os.read(read, 1 << 20)
            if not chunk:
                return
            for _, payload in buffer.feed(chunk):
                header, body = parse_message(payload)
                if header["type"] != "inputs":
                    continue
                items, bodies, at = [], [], 0
                for offset, size in enumerate(header["sizes"]):
                    (args, kwargs), at = pickle.loads(body[at : at + size]), at + size
                    bodies.append(pickle.dumps(args[0] * 2))
                    items.append({"index": header["first"] + offset, "ok": True, "size": len(bodies[-1])})
                number = header["invocation"]
                os.write(write, message({"type": "outputs", "invocation": number, "items": items}, b"".join(bodies)))
                if header["last"]:
                    os.write(write, message({"type": "invocation-end", "invocation": number}))

    def finish(self, process):
        out, err = process.communicate(timeout=30)
        return process.returncode, out.decode(), err.decode()

    def test_it_calls_remotely_with_the_arguments_it_got_even_where_packages_are_missing(self):
        arguments = {"args": [{"json": 4}], "kwargs": {"name": {"literal": "'you'"}}}
        process, read, write = self.start("main", arguments)
        self.serve(read, write)
        self.assertEqual(self.finish(process), (0, "hello you 12 10\n", ""))

    def test_its_exception_is_printed_and_written_for_the_caller(self):
        process, _, _ = self.start("fails")
        code, _, err = self.finish(process)
        self.assertEqual(code, 1)
        self.assertIn('File "app.py"', err)
        self.assertIn("ValueError: no luck", err)
        self.assertNotIn("velar_worker", err)
        with open(self.error_file) as file:
            error = json.load(file)
        self.assertEqual((error["type"], error["traceback"][0]["function"]), ("ValueError", "fails"))

    def test_unsaved_text_runs_in_the_place_of_what_is_on_disk(self):
        with open(os.path.join(self.folder, "helper.py"), "w") as file:
            file.write("WORD = 'saved'\n")
        subprocess.run([sys.executable, "-m", "compileall", "-q", self.folder], check=True)
        entry = "import helper, velar\napp = velar.App('local')\n\n@app.local_entrypoint()\ndef main():\n"
        texts = {"app.py": entry + "    print(helper.WORD)\n", "helper.py": "WORD = 'typed'\n"}
        self.assertEqual(self.finish(self.start("main", texts=texts)[0]), (0, "typed\n", ""))
        texts["app.py"] = entry + "    raise ValueError(helper.WORD)  # as typed\n"
        code, _, err = self.finish(self.start("main", texts=texts)[0])
        self.assertEqual(code, 1)
        self.assertIn("raise ValueError(helper.WORD)  # as typed", err)

    def test_sys_exit_gives_the_exit_code(self):
        self.assertEqual(self.finish(self.start("leaves")[0])[0], 4)

    def test_using_a_package_that_is_missing_here_says_so(self):
        code, _, err = self.finish(self.start("uses")[0])
        self.assertEqual(code, 1)
        self.assertIn("No module named 'surely_not_installed' in this Python", err)

    def test_without_a_runtime_a_remote_call_says_how_to_get_one(self):
        code, _, err = self.finish(self.start("main", connected=False)[0])
        self.assertEqual(code, 1)
        self.assertIn("velar run", err)

    def test_an_unknown_entrypoint_lists_the_known_ones(self):
        code, _, err = self.finish(self.start("nothing")[0])
        self.assertEqual(code, 2)
        self.assertIn("main, fails", err)

    def test_ctrl_c_ends_it(self):
        process, _, _ = self.start("waits")
        self.assertEqual(process.stdout.readline(), b"waiting\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process)[0], 130)

    def test_a_lost_runtime_ends_it_with_an_error(self):
        theirs_read, theirs_write, ours_write, ours_read = pipes()
        env = {**os.environ, "PYTHONPATH": PACKAGES, "VELAR_CALLER_FDS": "%d,%d" % (theirs_read, theirs_write)}
        process = subprocess.Popen(
            [sys.executable, "-m", "velar_worker.local", "app.py", "waits"],
            cwd=self.folder,
            env=env,
            pass_fds=(theirs_read, theirs_write),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for fd in (theirs_read, theirs_write):
            os.close(fd)
        self.assertEqual(process.stdout.readline(), b"waiting\n")
        os.close(ours_write)
        os.close(ours_read)
        code, _, err = self.finish(process)
        self.assertEqual(code, 1)
        self.assertIn("ConnectionLost", err)


if __name__ == "__main__":
    unittest.main()
