"""How dangerous something looks, for the colour of a decision card. PURE, and no guard: whoever decides is the guard.

Errs upwards: what is not recognised as harmless is MEDIUM, what is recognised as far-reaching is HIGH.
"""

import re
import shlex

from halyard.agent.v1 import decision_pb2 as decision
from halyard.agent.v1 import session_pb2 as session

_READS = re.compile(r"ls|cat|head|tail|wc|grep|rg|pwd|echo|which|file|stat|du|df|date|whoami|tree|sort|uniq")
_GIT_READS = re.compile(r"status|log|diff|show|branch|blame")
_FAR_REACHING = re.compile(
    r"rm|rmdir|dd|mkfs.*|shred|truncate|sudo|su|doas|shutdown|reboot|kill|pkill|killall|chmod|chown|curl|wget|ssh|scp|"
    r"rsync|nc|ncat|ftp|sftp|crontab|systemctl|launchctl|mount|umount|docker|podman|kubectl|terraform|eval|exec"
)
_FAR_GIT = re.compile(r"push|reset|clean|rebase|filter-branch")
_FAR_SECOND = frozenset({("npm", "publish"), ("pip", "install"), ("npm", "install"), ("gh", "api"), ("gh", "pr")})
_SECRETS = re.compile(r"(^|/)(\.env|\.ssh|\.aws|\.gnupg|\.netrc|id_[a-z0-9]+$|.*\.pem$|.*\.key$|\.git/)")
# Redirections and substitutions can turn a harmless word into anything.
_SHELL_TRICKS = re.compile(r"[<>`]|\$\(")
_SEPARATORS = re.compile(r"&&|\|\||[;|&\n]")


def judge(asked: decision.Permission) -> decision.Risk:
    """How dangerous `asked` looks, from its kind, action, command and paths."""
    if asked.action == "external_directory" or any(_is_secret(path) for path in _paths(asked)):
        return decision.RISK_HIGH
    match asked.kind:
        case session.TOOL_KIND_EXECUTE:
            return judge_command(asked.command)
        case session.TOOL_KIND_READ | session.TOOL_KIND_SEARCH | session.TOOL_KIND_PLAN | session.TOOL_KIND_QUESTION:
            return decision.RISK_LOW
        case _:
            return decision.RISK_MEDIUM


def judge_command(command: str) -> decision.Risk:
    """How dangerous a shell command looks: as dangerous as the worst of its pieces."""
    pieces = [piece for piece in _SEPARATORS.split(command) if piece.strip()]
    worst = max((_judge_piece(piece) for piece in pieces), default=decision.RISK_MEDIUM)
    if worst == decision.RISK_LOW and (_SHELL_TRICKS.search(command) or not _is_closed(command)):
        return decision.RISK_MEDIUM
    return worst


def _judge_piece(piece: str) -> decision.Risk:
    words = _words(piece)
    if not words:
        return decision.RISK_MEDIUM
    program, first = words[0].rpartition("/")[2], words[1] if len(words) > 1 else ""
    if _FAR_REACHING.fullmatch(program) or (program, first) in _FAR_SECOND:
        return decision.RISK_HIGH
    if program == "git" and _FAR_GIT.fullmatch(first):
        return decision.RISK_HIGH
    if any(_is_secret(word) for word in words):
        return decision.RISK_HIGH
    is_read = _READS.fullmatch(program) or (program == "git" and _GIT_READS.fullmatch(first))
    return decision.RISK_LOW if is_read else decision.RISK_MEDIUM


def _words(piece: str) -> list[str]:
    try:
        words = shlex.split(piece)
    except ValueError:
        words = piece.split()
    # `FOO=1 program …` runs program.
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words.pop(0)
    return words


def _is_closed(command: str) -> bool:
    """Whether all quotes are closed; else a shell would read on where this does not look."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def _paths(asked: decision.Permission) -> list[str]:
    return [diff.path for diff in asked.diffs] if asked.diffs else list(asked.patterns)


def _is_secret(path: str) -> bool:
    return _SECRETS.search(path) is not None
