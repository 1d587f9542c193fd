# SPDX-License-Identifier: EUPL-1.2
"""Medians, the table for people and results.json for programs."""

import json
import os
import statistics

# The first marks of the project (ratio of Besa to …): what it is measured against at the headline setting.
MARKS = {"nghttpx": 0.4, "nginx": 2.0, "signature_limit": 2.0}


def median_ratios(rounds, subject):
    """The median over rounds of subject / other within the round, for every other system of the rounds.

    Two systems are compared only inside one round: what the machine did meanwhile then hit both.
    """
    others = [name for name in rounds[0] if name != subject] if rounds else []
    return {name: statistics.median(each[subject] / each[name] for each in rounds)
            for name in others if all(each.get(name, 0) > 0 and subject in each for each in rounds)}


def medians(rounds):
    """The median of each system over the rounds."""
    return {name: statistics.median(each[name] for each in rounds) for name in (rounds[0] if rounds else [])}


def median_latency(measurements):
    """The median over rounds of each percentile of one system."""
    return {key: statistics.median(each["latency_us"][key] for each in measurements) for key in measurements[0]["latency_us"]}


def cpu_per_exchange(measurements):
    """Microseconds of CPU per OK answer, by process, over all rounds together."""
    answers = sum(each["ok"] for each in measurements)
    spent = {}
    for each in measurements:
        for name, seconds in each["cpu_by_process_s"].items():
            spent[name] = spent.get(name, 0) + seconds
    return {name: 1e6 * seconds / answers for name, seconds in sorted(spent.items())} if answers else {}


def summarise(setting):
    """Adds medians and ratios to the measurements of one setting: {"measurements": {system: [..]}, "limit": [..]}."""
    systems = setting["measurements"]
    count = min(len(each) for each in systems.values())
    rounds = [{name: each[i]["rate"] for name, each in systems.items()} for i in range(count)]
    for each, limit in zip(rounds, setting.get("limits", [])):
        each["signature_limit"] = limit
    setting["rounds"] = rounds
    setting["median_rate"] = medians(rounds)
    setting["ratios"] = median_ratios(rounds, "besa") if "besa" in systems else {}
    setting["median_latency_us"] = {name: median_latency(each) for name, each in systems.items()}
    setting["cpu_us_per_exchange"] = {name: cpu_per_exchange(each) for name, each in systems.items()}


def print_closed(name, setting):
    """One closed-loop setting."""
    print(f"\n{name}: {setting['payload']} B, {setting['connections']} connections x {setting['streams']} requests, "
          f"{len(setting['rounds'])} rounds")
    print(f"  {'':16}{'exchanges/s':>14}{'least':>12}{'most':>12}{'p50 us':>10}{'p99 us':>10}{'besa/this':>11}")
    for system, rate in setting["median_rate"].items():
        rates = [each[system] for each in setting["rounds"]]
        latency = setting["median_latency_us"].get(system)
        percentiles = f"{latency['p50']:>10,.0f}{latency['p99']:>10,.0f}" if latency else f"{'':20}"
        ratio = setting["ratios"].get(system)
        print(f"  {system:16}{rate:>14,.0f}{min(rates):>12,.0f}{max(rates):>12,.0f}{percentiles}"
              + (f"{ratio:>11.2f}" if ratio else ""))


def print_cpu(setting):
    """Where the processor time of a setting went."""
    print("\nCPU per exchange (us)")
    for system, spent in setting["cpu_us_per_exchange"].items():
        print(f"  {system}: {sum(spent.values()):.1f}")
        for process, microseconds in spent.items():
            print(f"    {process:32}{microseconds:>8.1f}")


def print_open(name, setting):
    """One open-loop setting."""
    print(f"\n{name}: {setting['payload']} B, Poisson arrivals, {setting['rate']:,.0f}/s, {setting['count']} rounds")
    print(f"  {'latency us':16}{'p50':>10}{'p90':>10}{'p99':>10}{'p99.9':>10}{'answered/s':>12}")
    for system, latency in setting["median_latency_us"].items():
        print(f"  {system:16}{latency['p50']:>10,.0f}{latency['p90']:>10,.0f}{latency['p99']:>10,.0f}{latency['p999']:>10,.0f}"
              f"{setting['median_rate'][system]:>12,.0f}")


def print_memory(memory):
    """Gateways' memory."""
    print("\nMemory of a gateway, all its processes (PSS, MiB)")
    for node in memory["idle_kib"]:
        print(f"  {node:16} idle {memory['idle_kib'][node] / 1024:.1f}   after {memory['after_kib'].get(node, 0) / 1024:.1f}")


def print_results(results):
    """The whole table."""
    host = results["host"]
    print(f"\n{host['cpus']} cores {host['processor']}, {host['kernel']}, {host['openssl']}, {host['nginx']}, {host['nghttpx']}")
    for name, setting in results["closed"].items():
        print_closed(name, setting)
    for name, setting in results["open"].items():
        print_open(name, setting)
    print_cpu(next(iter(results["closed"].values())))
    if results.get("memory"):
        print_memory(results["memory"])
    for origin, passed, words in results.get("ledgers", []):
        print(f"\nledger {origin}: {'every counted exchange is on record' if passed else 'NOT ALL ON RECORD'}; {words}")
    if results["ratios"]:
        print("\nratios at the headline setting (median of within-round ratios)")
        for name, mark in MARKS.items():
            ratio = results["ratios"].get(name)
            if ratio is not None:
                print(f"  besa / {name:16}{ratio:>6.2f}   first mark {mark:g}: {'reached' if ratio >= mark else 'not reached'}")
    for words in results["void"]:
        print(f"\nVOID: {words}")


def write_results(path, results):
    """results.json, replaced as a whole."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as stream:
        json.dump(results, stream, indent=1)
        stream.write("\n")
    os.replace(path + ".part", path)
