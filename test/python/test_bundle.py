"""Bundles on disk: only what changed is written, and nothing outside of the root."""

import os
import shutil
import tempfile
import unittest

from harness.runtime import Blobs

from velar_worker.bundle import BundleError, Workspace


class Bundles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.root = os.path.join(self.folder, "work", "app")
        self.blobs = Blobs(os.path.join(self.folder, "blobs"))
        self.workspace = Workspace(self.root, self.blobs.root)

    def put(self, files):
        return self.workspace.materialise(self.blobs.bundle(files))

    def read(self, path):
        with open(os.path.join(self.root, path)) as file:
            return file.read()

    def test_only_changed_files_are_written(self):
        self.assertEqual(self.put({"a.py": "1", "pkg/b.py": "2"})[:3], (2, 2, 0))
        self.assertEqual(self.put({"a.py": "1", "pkg/b.py": "2"})[:3], (2, 0, 0))
        self.assertEqual(self.put({"a.py": "1", "pkg/b.py": "3"}), (2, 1, 0, 1))
        self.assertEqual(self.read("pkg/b.py"), "3")
        self.assertEqual(self.put({"a.py": "1"})[:3], (1, 0, 1))
        self.assertFalse(os.path.exists(os.path.join(self.root, "pkg")))

    def test_files_that_the_code_made_stay_and_those_it_changed_are_restored(self):
        self.put({"a.py": "1"})
        for name, text in (("made.txt", "keep"), ("a.py", "spoilt")):
            with open(os.path.join(self.root, name), "w") as file:
                file.write(text)
        self.assertEqual(self.put({"a.py": "1"}).written, 1)
        self.assertEqual((self.read("a.py"), self.read("made.txt")), ("1", "keep"))

    def test_stale_bytecode_goes_with_its_source(self):
        self.put({"m.py": "x = 1"})
        cache = os.path.join(self.root, "__pycache__")
        os.makedirs(cache)
        for name in ("m.cpython-311.pyc", "other.cpython-311.pyc"):
            open(os.path.join(cache, name), "w").close()
        self.put({"m.py": "x = 2"})
        self.assertEqual(os.listdir(cache), ["other.cpython-311.pyc"])

    def test_a_file_may_become_a_folder_and_back(self):
        self.put({"a": "1"})
        self.put({"a/b": "2"})
        self.assertEqual(self.read("a/b"), "2")
        self.put({"a": "3"})
        self.assertEqual(self.read("a"), "3")

    def test_paths_that_leave_the_root_are_refused(self):
        digest = self.blobs.put(b"x")
        for path in ("../x", "/etc/x", "a/../../x", "a//b", "./a", "", "a\\b", "C:/x", "a\0b", "a/.."):
            entry = {"path": path, "sha256": digest, "size": 1, "mode": 0o644}
            with self.subTest(path), self.assertRaises(BundleError):
                self.workspace.materialise(self.blobs.manifest([entry]))

    def test_links_are_replaced_and_never_followed(self):
        outside = os.path.join(self.folder, "outside")
        os.makedirs(outside)
        self.put({"pkg/a.py": "1"})
        shutil.rmtree(os.path.join(self.root, "pkg"))
        os.symlink(outside, os.path.join(self.root, "pkg"))
        self.put({"pkg/a.py": "2", "pkg/b.py": "3"})
        self.assertEqual(os.listdir(outside), [])
        self.assertEqual(self.read("pkg/b.py"), "3")
        os.unlink(os.path.join(self.root, "pkg/b.py"))
        os.symlink(os.path.join(outside, "target"), os.path.join(self.root, "pkg/b.py"))
        self.put({"pkg/a.py": "2", "pkg/b.py": "4"})
        self.assertEqual((os.listdir(outside), self.read("pkg/b.py")), ([], "4"))

    def test_damaged_and_missing_content_is_refused(self):
        digest = self.blobs.bundle({"a.py": "good"})
        blob = self.blobs.put(b"good")
        with open(os.path.join(self.blobs.root, blob[:2], blob), "wb") as file:
            file.write(b"evil")
        with self.assertRaisesRegex(BundleError, "damaged"):
            self.workspace.materialise(digest)
        os.unlink(os.path.join(self.blobs.root, blob[:2], blob))
        with self.assertRaises(BundleError):
            self.workspace.materialise(digest)
        with self.assertRaisesRegex(BundleError, "missing"):
            self.workspace.materialise("0" * 64)
        with self.assertRaises(BundleError):
            self.workspace.materialise("../../etc/passwd")

    def test_modes_are_permissions_only(self):
        digest = self.blobs.put(b"#!/bin/sh\n")
        entry = {"path": "run.sh", "sha256": digest, "size": 10, "mode": 0o104755}
        self.workspace.materialise(self.blobs.manifest([entry]))
        self.assertEqual(os.stat(os.path.join(self.root, "run.sh")).st_mode & 0o7777, 0o755)


if __name__ == "__main__":
    unittest.main()
