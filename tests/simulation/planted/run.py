#!/usr/bin/env python3
"""Plants bugs in a copy of the sources, one by one, and demands that the simulation finds each.

A check that cannot fail proves nothing. Each bug is one replacement in one file; the copy is built
in build/planted and run under seeds until a property breaks. Ends with "N passed, N failed", where
passed means found. Takes some minutes: part of ./dev nightly.

--check only looks whether every bug can still be planted.

usage: run.py [--check] [--seeds N] [NAME...]
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = ROOT / "build" / "planted"

# In the place of options: the properties are in a program of their own, which has its seeds.
RESEND = "simulation_resend_test"
REDIAL = "simulation_redial_test"

# name: (file, what stands there, what is put there, what it breaks[, options of simulate, or one of
# those two])
BUGS = {
    "reply_to_wrong_call": (
        "src/fairlead/rpc/call_table.cc",
        "if (slot == nullptr || slot->seq_ != seq) return nullptr;",
        "if (slot == nullptr) return nullptr;",
        "a late reply reaches whoever has its slot now"),
    "no_deadline": (
        "src/fairlead/rpc/session.h",
        "    call.deadline_ = until.at();\n    watch(until);\n",
        "    call.deadline_ = until.at();\n    if (call.seq_ % 16 != 0) watch(until);\n",
        "some calls on a half-open connection never end"),
    "body_not_kept": (
        "src/fairlead/rpc/pending_call.cc",
        "reply_.body = Bytes(input.chunk(), reply.body);",
        "reply_.body = Bytes::borrow(reply.body);",
        "a reply changes while somebody holds it"),
    "handler_not_counted_out": (
        "src/fairlead/rpc/session_serving.cc",
        "  --peer_.handlers_waiting_;\n  end_if_idle();",
        "  --peer_.handlers_waiting_;\n  if (state_ != State::kClosed) end_if_idle();",
        "sessions that die under a handler are never given back"),
    "input_not_kept": (
        "src/fairlead/rpc/session_serving.cc",
        "serve_later(handler, route, message, input, deadline, std::move(source))",
        "serve_later(handler, route, message, Bytes::borrow(input.view()), deadline, "
        "std::move(source))",
        "the read that a waiting handler answers from is used again too early"),
    "cancelled_call_leaks": (
        "src/fairlead/async/cancel.cc",
        "    listener->on_cancel();\n  }\n  internal::release(state);\n",
        "    listener->on_cancel();\n  }\n",
        "what a cancelled call shared with its canceller is never freed"),
    "later_deadlines_forgotten": (
        "src/fairlead/rpc/session.cc",
        "  fire_before(calls_.next_deadline().value_or(Time::max()));\n",
        "",
        "of the calls that wait when a deadline passes, the others never end"),
    "queue_not_bounded": (
        "src/fairlead/rpc/peer.cc",
        "      hold_above_(hold_above(options.write_queue_bytes_max)),\n",
        "      hold_above_(hold_above(options_.write_queue_bytes_max *= 16)),\n",
        "replies wait without end for a peer that does not read"),
    "pushes_swapped": (
        "src/fairlead/rpc/session_serving.cc",
        "        return receive_numbered(message, input);\n",
        "        return receive_numbered(message, input);\n"
        "      if (message.kind == wire::Kind::kPush && message.seq % 8 == 0) {\n"
        "        const Bytes kept(std::string_view(message.body));\n"
        "        wire::MessageView later = message;\n"
        "        later.method = \"/note\";\n"
        "        later.metadata = {};\n"
        "        core().post([this, later, kept]() mutable {\n"
        "          later.body = kept.view();\n"
        "          if (state_ == State::kOpen) serve(later, kept);\n"
        "        });\n"
        "        return;\n"
        "      }\n"
        "      return serve(message, input);",
        "a PUSH starts after one that was sent later"),
    "byte_lost_at_the_door": (
        "src/fairlead/rpc/entrance.cc",
        "      go_to(options().frames);\n      return {};",
        "      go_to(options().frames);\n      return {1, 0};",
        "the door of rpc misses the first byte",
        "--entrance"),
    "visitor_not_counted": (
        "src/fairlead/rpc/entrance.cc",
        "  options().metrics.unknown_protocols.add();\n",
        "",
        "whom nobody knows is closed without a trace",
        "--entrance"),
    "first_head_to_the_wrong_door": (
        "src/fairlead/rpc/entrance.cc",
        "      if (!is_erpc_http(input.substr(0, seen_ + 1))) return go_to_http();\n",
        "      if (seen_ % 2 == 0) return go_to_http();\n",
        "erpc's form of HTTP goes to HTTP and the other way round",
        "--entrance"),
    "visitor_forgotten_in_a_drain": (
        "src/fairlead/rpc/entrance.cc",
        "  if (closing_ && first_ == nullptr) empty_.set();",
        "  if (closing_ && first_ == nullptr && count_ != 0) empty_.set();",
        "a drain does not hear that the last one has gone",
        "--entrance"),
    "lost_calls_were_never_sent": (
        "src/fairlead/rpc/session.cc",
        "    if (call->sent_from_ >= handed_over) {\n",
        "    if (handed_over != 0) {\n",
        "a call that ran is told NOT_SENT",
        "--links"),
    "drain_waits_for_no_handler": (
        "src/fairlead/rpc/session.cc",
        "  if (handlers_running_ > 0) {\n    std::unique_ptr<Event>& idle",
        "  if (handlers_running_ > 1000) {\n    std::unique_ptr<Event>& idle",
        "a drain cuts calls that could end",
        "--links"),
    "plain_peers_keep_a_drain_busy": (
        "src/fairlead/rpc/session.cc",
        "      going_away_ = true;\n      status = co_await",
        "      status = co_await",
        "calls of a peer that cannot be told are cut at the drain's bound",
        "--links"),
    "window_forgets_what_it_served": (
        "src/fairlead/rpc/duplicate_window.cc",
        "  entry.in_progress = false;\n  entry.at = now;\n",
        "  entry.in_progress = false;\n  entry.at = now;\n"
        "  if (id % 7 == 0) entries_.erase(found);\n"
        "  if (id % 7 == 0) return waiters;\n",
        "a message that comes again is served again",
        RESEND),
    "sent_again_to_another_window": (
        "src/fairlead/rpc/resend_queue.cc",
        "    if (one.uncertain_ && one.window_ != window) {\n",
        "    if (one.uncertain_ && window == 0) {\n",
        "a restarted server serves what its predecessor served",
        RESEND),
    "doubt_forgotten": (
        "src/fairlead/rpc/resend_line.cc",
        "  if (entry.uncertain() && !status.ok() && status.outcome() != Outcome::kProcessed) {\n",
        "  if (entry.uncertain() && status.code() == Code::kOk) {\n",
        "of a message that was served a refused repeat says that it was not",
        RESEND),
    "sent_taken_for_unsent": (
        "src/fairlead/rpc/resend_queue.cc",
        "    const bool left = one.from_ < handed_over;\n",
        "    const bool left = one.from_ > handed_over;\n",
        "what may have been served is sent again without a number",
        RESEND),
    "end_told_inside_a_write": (
        "src/fairlead/io/simulated_stream.cc",
        "  if (!flush_scheduled_) finish(std::exchange(abort_why_, Status()));\n",
        "  finish(std::exchange(abort_why_, Status()));\n",
        "who writes hears of the end before its call is over",
        RESEND),
    "lost_hello_taken_for_an_answer": (
        "src/fairlead/rpc/resend_line.cc",
        "  if (losing_ == &session) return;  // that is no answer\n",
        "",
        "a link that is lost before its hello ends what waits for the window",
        RESEND),
    "cancellation_left_to_a_call_that_ended": (
        "src/fairlead/rpc/resend_line.cc",
        "  const bool has_call = message.waiting() || writing_ == &message;\n",
        "  const bool has_call = in_flight(entry.state());\n",
        "a message that is cancelled while its link is lost waits for the next one",
        RESEND),
    "window_without_bound": (
        "src/fairlead/rpc/duplicate_windows.cc",
        "    window_.drop_replies(0);\n",
        "",
        "the windows of a process keep more than they may",
        RESEND),
    "expired_late": (
        "src/fairlead/rpc/resend_queue.cc",
        "one.until_ > now) continue;",
        "one.until_ + std::chrono::milliseconds(100) > now) continue;",
        "what waits for a link ends after its time",
        RESEND),
    "backoff_reset_at_once": (
        "src/fairlead/upstream/redial.cc",
        "  if (stable(now)) wait_ = Duration::zero();\n"
        "  state_ = used_up()",
        "  wait_ = Duration::zero();\n"
        "  state_ = used_up()",
        "a server that comes and goes is dialled each second by everybody",
        REDIAL),
    "herd": (
        "src/fairlead/upstream/redial.cc",
        "uniform(options_.first_wait_min, options_.first_wait_max, random)",
        "options_.first_wait_max",
        "those who lost one server come back together",
        REDIAL),
    "dialled_twice": (
        "src/fairlead/upstream/redial.cc",
        "  if (!may_dial(now)) return false;\n",
        "  if (!may_dial(now) && state_ != State::kDialing) return false;\n",
        "each call dials where one dial is under way",
        REDIAL),
}


def test_of(name):
    """The test that finds it; none: `simulate` does."""
    return next((word for word in BUGS[name][4:] if not word.startswith("--")), None)


def text_of(name):
    """The file in which the bug is planted, which must hold its place exactly once."""
    file, old = BUGS[name][:2]
    text = (ROOT / file).read_text(encoding="utf-8")
    if text.count(old) != 1:
        sys.exit(f"{name}: {file} no longer holds its text exactly once; plant the bug anew")
    return text


def build(name):
    file, old, new = BUGS[name][:3]
    text = text_of(name)
    source = BUILD / "source"
    if source.exists():
        shutil.rmtree(source)
    source.mkdir(parents=True)
    for part in ("src", "tests", "fuzz", "cmake"):
        shutil.copytree(ROOT / part, source / part, copy_function=shutil.copy)  # new times
    for part in ("CMakeLists.txt", "CMakePresets.json"):
        shutil.copy(ROOT / part, source / part)
    (source / file).write_text(text.replace(old, new), encoding="utf-8")
    configure = ["cmake", "-S", source, "-B", BUILD / "tree", "-G", "Ninja",
                 "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_BUILD_TYPE=Debug",
                 "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DFL_EXAMPLES=OFF", "-DFL_WERROR=OFF"]
    program = test_of(name) or "simulate"
    for command in (configure, ["cmake", "--build", BUILD / "tree", "--target", program]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{name}: does not build:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")


def found(name, seeds):
    """What the simulation says of the bug; empty when it noticed nothing."""
    test = test_of(name)
    if test is not None:
        done = subprocess.run([BUILD / "tree" / "tests" / "simulation" / test],
                              capture_output=True, text=True, timeout=600)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "FAILED" in line]
        return "" if done.returncode == 0 else (lines or [f"ended with {done.returncode}"])[0]
    options = BUGS[name][4:]
    # One process per chunk of seeds: a planted bug may well end the process.
    program = BUILD / "tree" / "tests" / "simulation" / "simulate"
    for start in range(1, seeds + 1, 25):
        done = subprocess.run([program, *options, "--seeds", "25", "--from", str(start)],
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            lines = [line for line in (done.stdout + done.stderr).splitlines()
                     if line.startswith("seed") or "check failed" in line]
            return lines[0] if lines else f"ended with {done.returncode} from seed {start} on"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="plant nothing, only look")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BUGS))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BUGS)
    if unknown:
        parser.error(f"no such bug: {', '.join(sorted(unknown))}; there are {', '.join(BUGS)}")
    if arguments.check:
        for name in BUGS:
            text_of(name)
        return 0
    passed = failed = 0
    for name in arguments.names or BUGS:
        build(name)
        evidence = found(name, arguments.seeds)
        print(f"{name} ({BUGS[name][3]}): {evidence or 'NOT FOUND'}", flush=True)
        passed, failed = passed + bool(evidence), failed + (not evidence)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
