"""How texts and lists differ."""

from collections import namedtuple
from typing import Any

Match = namedtuple("Match", "a b size")


class SequenceMatcher:
    """The longest runs that two sequences have in common, from the longest to the shortest."""

    def __init__(self, isjunk: Any = None, a: Any = "", b: Any = "", autojunk: bool = True) -> None:
        self.isjunk, self.autojunk = isjunk, autojunk
        self.a, self.b = a, b
        self.places: dict[Any, list[int]] = {}
        self.set_seqs(a, b)

    def set_seqs(self, a: Any, b: Any) -> None:
        """Compare these two."""
        self.a = a
        self.set_seq2(b)

    def set_seq1(self, a: Any) -> None:
        """Compare this one with the second."""
        self.a = a

    def set_seq2(self, b: Any) -> None:
        """Compare this one with the first."""
        self.b = b
        places: dict[Any, list[int]] = {}
        for at, item in enumerate(b):
            places.setdefault(item, []).append(at)
        if self.isjunk:
            places = {item: found for item, found in places.items() if not self.isjunk(item)}
        # In long sequences, what is everywhere says nothing.
        if self.autojunk and len(b) >= 200:
            most = len(b) // 100 + 1
            places = {item: found for item, found in places.items() if len(found) <= most}
        self.places = places

    def find_longest_match(
        self, alo: int = 0, ahi: Any = None, blo: int = 0, bhi: Any = None
    ) -> Any:
        """Return the longest common run within bounds: the first in `a`, then in `b`."""
        a, b = self.a, self.b
        ahi, bhi = len(a) if ahi is None else ahi, len(b) if bhi is None else bhi
        start_a, start_b, size = alo, blo, 0
        lengths: dict[int, int] = {}
        for at in range(alo, ahi):
            grown: dict[int, int] = {}
            for place in self.places.get(a[at], []):
                if blo <= place < bhi:
                    length = lengths.get(place - 1, 0) + 1
                    grown[place] = length
                    if length > size:
                        start_a, start_b, size = at - length + 1, place - length + 1, length
            lengths = grown
        while start_a > alo and start_b > blo and a[start_a - 1] == b[start_b - 1]:
            start_a, start_b, size = start_a - 1, start_b - 1, size + 1
        while (
            start_a + size < ahi and start_b + size < bhi and a[start_a + size] == b[start_b + size]
        ):
            size += 1
        return Match(start_a, start_b, size)

    def get_matching_blocks(self) -> list[Any]:
        """Return the common runs in order, and an empty one at the end."""
        todo, found = [(0, len(self.a), 0, len(self.b))], []
        while todo:
            alo, ahi, blo, bhi = todo.pop()
            match = self.find_longest_match(alo, ahi, blo, bhi)
            if match.size:
                found.append((match.a, match.b, match.size))
                todo.append((alo, match.a, blo, match.b))
                todo.append((match.a + match.size, ahi, match.b + match.size, bhi))
        blocks: list[Any] = []
        for a, b, size in sorted(found):
            if blocks and blocks[-1][0] + blocks[-1][2] == a and blocks[-1][1] + blocks[-1][2] == b:
                blocks[-1] = (blocks[-1][0], blocks[-1][1], blocks[-1][2] + size)
            else:
                blocks.append((a, b, size))
        return [Match(a, b, n) for a, b, n in [*blocks, (len(self.a), len(self.b), 0)]]

    def get_opcodes(self) -> list[Any]:
        """Return how `a` becomes `b`: (tag, start and end in a, start and end in b)."""
        a, b, found = 0, 0, []
        for block in self.get_matching_blocks():
            if a < block.a or b < block.b:
                tag = "replace" if a < block.a and b < block.b else "insert"
                tag = "delete" if b == block.b else tag
                found.append((tag, a, block.a, b, block.b))
            a, b = block.a + block.size, block.b + block.size
            if block.size:
                found.append(("equal", block.a, a, block.b, b))
        return found

    def ratio(self) -> float:
        """Return how alike they are, from 0 to 1."""
        total = len(self.a) + len(self.b)
        same = sum([block.size for block in self.get_matching_blocks()])
        return 2.0 * same / total if total else 1.0

    def quick_ratio(self) -> float:
        """Return an upper bound of the ratio: that of the same items in any order."""
        left: dict[Any, int] = {}
        for item in self.b:
            left[item] = left.get(item, 0) + 1
        same = 0
        for item in self.a:
            if left.get(item, 0) > 0:
                same, left[item] = same + 1, left[item] - 1
        total = len(self.a) + len(self.b)
        return 2.0 * same / total if total else 1.0

    def get_grouped_opcodes(self, n: int = 3) -> list[Any]:
        """Return the changes in groups, with up to n equal items around each."""
        groups: list[Any] = []
        group: list[Any] = []
        codes = self.get_opcodes()
        for number, (tag, a1, a2, b1, b2) in enumerate(codes):
            if tag != "equal":
                group.append((tag, a1, a2, b1, b2))
                continue
            is_last, size = number == len(codes) - 1, a2 - a1
            if not group:
                cut = max(size - n, 0)
                group = [] if is_last else [(tag, a1 + cut, a2, b1 + cut, b2)]
            elif is_last:
                group.append((tag, a1, min(a2, a1 + n), b1, min(b2, b1 + n)))
            elif size > 2 * n:
                groups.append([*group, (tag, a1, a1 + n, b1, b1 + n)])
                group = [(tag, a2 - n, a2, b2 - n, b2)]
            else:
                group.append((tag, a1, a2, b1, b2))
        return [*groups, group] if group else groups


def get_close_matches(word: Any, possibilities: Any, n: int = 3, cutoff: float = 0.6) -> list[Any]:
    """Return the best matches of a word, the best first."""
    found, matcher = [], SequenceMatcher(None, "", word)
    for number, each in enumerate(possibilities):
        matcher.set_seq1(each)
        ratio = matcher.ratio()
        if ratio >= cutoff:
            found.append((ratio, each, number))
    best = sorted(found, key=lambda row: (row[0], row[1]), reverse=True)
    return [each for _, each, _ in best[:n]]


def _range(start: int, end: int) -> str:
    length = end - start
    first = start + 1 if length else start
    return f"{first}" if length == 1 else f"{first},{length}"


def unified_diff(
    a: Any,
    b: Any,
    fromfile: str = "",
    tofile: str = "",
    fromfiledate: str = "",
    tofiledate: str = "",
    n: int = 3,
    lineterm: str = "\n",
) -> Any:
    """Return the lines of a unified diff of two lists of lines."""
    found: list[Any] = []
    for group in SequenceMatcher(None, a, b).get_grouped_opcodes(n):
        if not found:
            dates = ["\t" + each if each else "" for each in (fromfiledate, tofiledate)]
            found.append(f"--- {fromfile}{dates[0]}{lineterm}")
            found.append(f"+++ {tofile}{dates[1]}{lineterm}")
        first, last = group[0], group[-1]
        old, new = _range(first[1], last[2]), _range(first[3], last[4])
        found.append(f"@@ -{old} +{new} @@{lineterm}")
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                found.extend([" " + line for line in a[a1:a2]])
                continue
            found.extend(["-" + line for line in a[a1:a2]])
            found.extend(["+" + line for line in b[b1:b2]])
    return iter(found)
