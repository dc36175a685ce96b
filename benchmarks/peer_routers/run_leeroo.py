"""Leeroo's own decision, and its encoder's part of it, measured as the others' are."""

from joblist import Job, main

from leeroo.pool.experts import Expert
from leeroo.pool.prices import Price
from leeroo.prediction import load


class Shipped:
    """The predictor that ships."""

    def fit(self, job: Job) -> None:
        self.predictor = load(threads=1)  # as all others here
        self.pool = [Expert(model=name, name=name, price=Price(input=1, output=1)) for name in job.experts]

    def decide(self, job: Job, i: int) -> object:
        return self.predictor.predict([job.asked[i]], self.pool)


class Encoder(Shipped):
    """What reading the query takes."""

    def decide(self, job: Job, i: int) -> object:
        return self.predictor.encode([job.asked[i]])


if __name__ == "__main__":
    main({"leeroo": Shipped, "encoder": Encoder})
