# SPDX-License-Identifier: GPL-3.0-or-later
"""report_formats.py: whether a report is what CI systems take: the rules of JUnit's schemas in use and of SARIF 2.1.0, checked by hand.

validate_junit(path) and validate_sarif(path) raise AssertionError with every fault that they find, a line each, and return what
they read for tests that want to look closer. The official schemas were rejected: two of JUnit's contradict each other, so that
only what both allow is right, and SARIF's allows much that GitHub refuses or does not show.
"""

import json
import re
import xml.etree.ElementTree as ElementTree

# What all of Jenkins' (xunit plug-in), Windyroad's and GitLab's ideas of JUnit allow: attributes, and which must be there.
JUNIT_ATTRIBUTES = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, set()),
    "testsuite": (
        {"name", "package", "id", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time"},
        {"name", "hostname", "timestamp", "tests", "failures", "errors", "time"},
    ),
    "properties": (set(), set()),
    "property": ({"name", "value"}, {"name", "value"}),
    "testcase": ({"name", "classname", "time"}, {"name", "classname", "time"}),
    "failure": ({"type", "message"}, {"type", "message"}),
    "error": ({"type", "message"}, {"type", "message"}),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
    "system-err": (set(), set()),
}
JUNIT_CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped"},
}
OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}
DECIMAL = re.compile(r"\d+(\.\d+)?")
LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

GITHUB_RESULTS_MAX = 25000
URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#\[\]-]|%[0-9A-Fa-f]{2})+")
LEVELS = {"none", "note", "warning", "error"}


class Faults:
    def __init__(self, path):
        self.path, self.found = path, []

    def unless(self, holds, text):
        if not holds and len(self.found) < 20:
            self.found.append(f"{self.path}: {text}")
        return holds

    def end(self):
        if self.found:
            raise AssertionError("\n".join(self.found))


# ---- JUnit -----------------------------------------------------------------------------------------


def junit_element(faults, element):
    name = element.tag
    allowed, needed = JUNIT_ATTRIBUTES[name]
    have = set(element.attrib)
    faults.unless(have <= allowed, f"<{name}> must not have {sorted(have - allowed)}")
    faults.unless(needed <= have, f"<{name}> lacks {sorted(needed - have)}")
    for child in element:
        if faults.unless(child.tag in JUNIT_CHILDREN.get(name, ()), f"<{child.tag}> in <{name}>"):
            junit_element(faults, child)


def junit_suite(faults, suite):
    """The order that the strictest schema asks for, and counts that are true."""
    order = [child.tag for child in suite]
    kept = sorted(order, key=["properties", "testcase", "system-out", "system-err"].index)
    faults.unless(order == kept, "a suite holds properties, testcases, system-out and system-err in this order")
    faults.unless(order[-2:] == ["system-out", "system-err"], "a suite ends in system-out and system-err")
    faults.unless(LOCAL_TIME.fullmatch(suite.get("timestamp", "")), f"timestamp {suite.get('timestamp')!r}")
    faults.unless(DECIMAL.fullmatch(suite.get("time", "")), f"time {suite.get('time')!r}")
    counted = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for case in suite.iter("testcase"):
        counted["tests"] += 1
        faults.unless(DECIMAL.fullmatch(case.get("time", "")), f"time {case.get('time')!r} of {case.get('name')}")
        faults.unless(case.get("classname"), f"no classname of {case.get('name')}")
        faults.unless(len(case) < 2, f"more than one outcome of {case.get('name')}")
        for outcome in case:
            counted[OUTCOMES[outcome.tag]] += 1
    for name, count in counted.items():
        faults.unless(suite.get(name) == str(count), f'{name}="{suite.get(name)}", but there are {count}')


def validate_junit(path):
    """Returns the testsuite element."""
    faults = Faults(path)
    root = ElementTree.parse(path).getroot()
    if faults.unless(root.tag == "testsuites" and len(root) == 1, "one testsuite in testsuites"):
        try:
            junit_element(faults, root)
            junit_suite(faults, root[0])
        except (KeyError, ValueError) as odd:
            faults.unless(False, f"an element that does not belong: {odd}")
    faults.end()
    return root[0]


# ---- SARIF -----------------------------------------------------------------------------------------


def is_text(value):
    return isinstance(value, str) and value != ""


def is_message(value):
    return isinstance(value, dict) and is_text(value.get("text"))


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def known(faults, where, value, names):
    """SARIF's objects have no other properties than those of the schema (additionalProperties is false)."""
    if not faults.unless(isinstance(value, dict), f"{where} is no object"):
        return {}
    faults.unless(set(value) <= set(names), f"{where} must not have {sorted(set(value) - set(names))}")
    return value


def sarif_rules(faults, driver):
    rules = driver.get("rules", [])
    ids = [rule.get("id") for rule in rules]
    faults.unless(len(ids) == len(set(ids)), "rules have different ids")
    names = ("id", "name", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration", "properties")
    for rule in rules:
        where = f"rule {rule.get('id')}"
        known(faults, where, rule, names)
        faults.unless(is_text(rule.get("id")), f"{where} needs an id")
        for name in ("shortDescription", "fullDescription", "help"):
            faults.unless(is_message(rule.get(name)), f"{where} needs {name}.text")
        level = rule.get("defaultConfiguration", {}).get("level", "warning")
        faults.unless(level in LEVELS, f"{where} has level {level!r}")
        tags = rule.get("properties", {}).get("tags", [])
        faults.unless(len(tags) <= 20 and len(tags) == len(set(tags)), f"{where} has odd tags")
    return set(ids)


def sarif_location(faults, where, result):
    """GitHub shows no result without a place."""
    locations = result.get("locations")
    if not faults.unless(isinstance(locations, list) and len(locations) == 1, f"{where} needs one location"):
        return
    location = known(faults, where, locations[0], ("physicalLocation",))
    physical = known(faults, where, location.get("physicalLocation"), ("artifactLocation", "region"))
    artifact = known(faults, where, physical.get("artifactLocation"), ("uri", "uriBaseId"))
    uri = artifact.get("uri")
    faults.unless(isinstance(uri, str) and URI_REFERENCE.fullmatch(uri), f"{where} has uri {uri!r}")
    if "region" in physical:
        region = known(faults, where, physical["region"], ("startLine", "startColumn", "endLine", "endColumn"))
        faults.unless("startLine" in region, f"{where} has a region without startLine")
        for name, value in region.items():
            faults.unless(is_count(value), f"{where} has {name} {value!r}")


def sarif_result(faults, number, result, rules):
    where = f"result {number}"
    names = ("ruleId", "level", "message", "locations", "partialFingerprints", "properties")
    known(faults, where, result, names)
    faults.unless(result.get("ruleId") in rules, f"{where} has no rule {result.get('ruleId')!r}")
    faults.unless(result.get("level") in LEVELS, f"{where} has level {result.get('level')!r}")
    if faults.unless(is_message(result.get("message")), f"{where} needs message.text"):
        text = result["message"]["text"]
        plain = re.sub(r"\\[\\\[\]]", "", text.replace("{{", "").replace("}}", ""))
        faults.unless(not re.search(r"[\[\]{}\\]", plain), f"{where} has a link or placeholder in {text[:200]!r}")
    prints = result.get("partialFingerprints")
    good = isinstance(prints, dict) and prints and all(is_text(value) for value in prints.values())
    faults.unless(good, f"{where} needs partialFingerprints")
    sarif_location(faults, where, result)


def sarif_invocation(faults, invocation):
    names = ("executionSuccessful", "exitCode", "startTimeUtc", "endTimeUtc", "toolExecutionNotifications")
    known(faults, "invocation", invocation, names)
    faults.unless(isinstance(invocation.get("executionSuccessful"), bool), "executionSuccessful is a boolean")
    for name in ("startTimeUtc", "endTimeUtc"):
        time = invocation.get(name, "")
        faults.unless(time.endswith("Z") and LOCAL_TIME.fullmatch(time[:-1]), f"{name} is {time!r}")
    for notification in invocation.get("toolExecutionNotifications", []):
        known(faults, "notification", notification, ("level", "message"))
        faults.unless(notification.get("level") in LEVELS and is_message(notification.get("message")), "odd notification")


def unique_members(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise AssertionError(f"a name stands twice in {names}")
    return dict(pairs)


def validate_sarif(path):
    """Returns the one run."""
    faults = Faults(path)
    with open(path, encoding="utf-8") as file:
        log = json.load(file, object_pairs_hook=unique_members)
    known(faults, "the log", log, ("$schema", "version", "runs"))
    faults.unless(log.get("version") == "2.1.0", f"version {log.get('version')!r}")
    runs = log.get("runs")
    if not faults.unless(isinstance(runs, list) and len(runs) == 1, "one run"):
        faults.end()
    run = known(faults, "the run", runs[0], ("tool", "results", "invocations"))
    tool = known(faults, "tool", run.get("tool"), ("driver",))
    driver = known(faults, "driver", tool.get("driver"), ("name", "version", "semanticVersion", "informationUri", "rules"))
    faults.unless(is_text(driver.get("name")), "the driver needs a name")
    rules = sarif_rules(faults, driver)
    results = run.get("results")
    if faults.unless(isinstance(results, list), "results is an array"):
        faults.unless(len(results) <= GITHUB_RESULTS_MAX, f"{len(results)} results")
        for number, result in enumerate(results):
            sarif_result(faults, number, result, rules)
        prints = [json.dumps(result.get("partialFingerprints"), sort_keys=True) for result in results]
        faults.unless(len(prints) == len(set(prints)), "two results have the same fingerprints")
    for invocation in run.get("invocations", []):
        sarif_invocation(faults, invocation)
    faults.end()
    return run
