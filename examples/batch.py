"""A batch: `.map` spreads inputs over containers and gives the results back in order.

`velar run examples/batch.py` runs `main` on this machine; each `.map` input runs on the runtime.
"""

import velar

app = velar.App("batch")


@app.function(max_containers=2)
def count_primes(limit: int) -> int:
    """How many primes there are below `limit`, by a sieve."""
    sieve = bytearray([1]) * max(limit, 2)
    sieve[0:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return sum(sieve)


@app.local_entrypoint()
def main(inputs: int = 20) -> None:
    limits = [10_000 * step for step in range(1, inputs + 1)]
    total = 0
    for limit, primes in zip(limits, count_primes.map(limits)):
        print(f"below {limit:>9,}: {primes:>7,} primes")
        total += primes
    print(f"{total:,} in all; one more by .remote(): {count_primes.remote(100):,} below 100")
