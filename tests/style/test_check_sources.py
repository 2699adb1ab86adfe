"""The checker of sources finds what it looks for, and nothing else."""

import tempfile
import unittest
from pathlib import Path

import check_sources


class CheckSources(unittest.TestCase):
    def findings(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            return check_sources.findings(Path(folder))

    def expect(self, name, text, *fragments):
        found = self.findings(name, text)
        self.assertEqual(len(found), len(fragments), found)
        for message, fragment in zip(found, fragments):
            self.assertIn(fragment, message)

    def test_a_module_may_include_itself_and_those_below(self):
        self.expect("src/gram/a.cpp", '#include "gram/detail/b.hpp"\n#include "widelimit/runtime/log.hpp"\n'
                    '#include <vector>\n#include "support/own.hpp"\n')

    def test_a_module_must_not_include_one_above(self):
        self.expect("src/io/a.cpp", '\n#include "widelimit/gram/plan.hpp"\n',
                    "src/io/a.cpp:2: io must not include gram")
        self.expect("include/widelimit/linalg/a.hpp", '#  include "cli/check.hpp"\n',
                    "include/widelimit/linalg/a.hpp:1: linalg must not include cli")

    def test_comments_and_strings_are_no_includes(self):
        self.expect("src/io/a.cpp", '// #include "widelimit/gram/plan.hpp"\n/*\n#include "cli/check.hpp"\n*/\n'
                    'auto s = "// no comment";\n')

    def test_an_unknown_module_is_found(self):
        self.expect("src/other/a.cpp", "int a;\n", "other is not in the list of modules")

    def test_labels_must_name_the_program(self):
        self.expect("src/gram/a.cpp", 'Kokkos::parallel_for(\n    "gram::tile", policy, f);\n',
                    'a.cpp:1: the label "gram::tile"')
        self.expect("src/gram/a.cpp", 'exec.fence("done");\n', 'the label "done"')
        self.expect("src/gram/a.cpp", 'Kokkos::View<Real**, Exec> tile("tile", n, n);\n', 'the label "tile"')
        self.expect("src/gram/a.cpp", 'auto t = typename Points<Real>::Matrix("table", n, n);\n', 'the label "table"')
        self.expect("src/gram/a.cpp", 'auto v = View<int*>(Kokkos::view_alloc("ops", Kokkos::WithoutInitializing), n);',
                    'the label "ops"')

    def test_loops_and_fences_without_a_label_are_found(self):
        self.expect("src/gram/a.cpp", "Kokkos::parallel_reduce(policy, f, sum);\nKokkos::fence();\n",
                    "a.cpp:1: parallel_reduce has no label", "a.cpp:2: fence has no label")

    def test_good_labels_and_loops_inside_kernels_pass(self):
        self.expect("src/gram/a.cpp", 'Kokkos::parallel_for("widelimit::gram::tile", policy, f);\n'
                    'Kokkos::View<int*> a("widelimit::gram::a", n);\n'
                    "Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), f);\n"
                    'exec.fence("widelimit::gram::done");\npushRegion("widelimit::" + name);\n')

    def test_an_empty_folder_is_no_success(self):
        self.expect("doc/a.txt", "", "no sources here")


if __name__ == "__main__":
    unittest.main()
