"""The admission queue again, slow and obviously right: one list, searched anew for each question."""

from dataclasses import dataclass, field


@dataclass
class Entry:
    item: int
    priority: int
    since: int
    deadline: int
    order: int


@dataclass
class Model:
    """All entries in one list; a class's state is two numbers."""

    patience: int
    longest: int
    entries: list[Entry] = field(default_factory=list)
    pressed: list[bool] = field(default_factory=lambda: [False] * 3)
    shed_at: list[int] = field(default_factory=lambda: [0] * 3)
    shed: list[tuple[int, int, int]] = field(default_factory=list)
    order: int = 0
    pace: float = 0.0
    last_pop: int = 0

    def of(self, priority: int) -> list[Entry]:
        return sorted((entry for entry in self.entries if entry.priority == priority), key=lambda entry: entry.order)

    def drop(self, entry: Entry, reason: int, now: int) -> None:
        self.entries.remove(entry)
        self.shed_at[entry.priority] = now
        self.shed.append((entry.item, entry.priority, reason))

    def judge(self, priority: int, now: int) -> None:
        first = self.of(priority)[0]
        if now - first.since > self.patience // 2:
            self.pressed[priority] = True

    def push(self, item: int, priority: int, since: int, deadline: int, now: int) -> None:
        entry = Entry(item, priority, since, deadline, self.order)
        self.order += 1
        if len(self.entries) >= self.longest:
            lower = [other for other in self.entries if other.priority >= priority]
            if not lower:
                self.entries.append(entry)
                self.drop(entry, 2, now)
                return
            worst = max(other.priority for other in lower)
            self.pressed[worst] = True
            self.drop(self.of(worst)[0], 2, now)
        if not self.of(priority) and now - self.shed_at[priority] > self.patience:
            self.pressed[priority] = False
        self.entries.append(entry)
        ahead = sum(other.priority <= priority for other in self.entries)
        if self.pressed[priority]:
            if len(self.of(priority)) * self.pace > self.brief():
                self.drop(self.of(priority)[0], 2, now)
        elif ahead * self.pace > self.patience:
            self.pressed[priority] = True

    def brief(self) -> int:
        return min(self.patience, max(self.patience // 25, int(8 * self.pace)))

    def pop(self, now: int) -> int | None:
        for priority in range(3):
            while self.of(priority):
                self.judge(priority, now)
                entry = self.of(priority)[-1 if self.pressed[priority] else 0]
                if entry.deadline < now:
                    self.drop(entry, 1, now)
                    continue
                self.entries.remove(entry)
                if self.last_pop:
                    self.pace += (now - self.last_pop - self.pace) / 8
                self.last_pop = now if self.entries else 0
                return entry.item
        return None

    def expire(self, now: int) -> None:
        for priority in (2, 1, 0):
            if self.of(priority):
                self.judge(priority, now)
            most = self.brief() if self.pressed[priority] else self.patience
            while self.of(priority):
                entry = self.of(priority)[0]
                if entry.deadline >= now and now - entry.since <= most:
                    break
                self.drop(entry, 1 if entry.deadline < now else 0, now)
