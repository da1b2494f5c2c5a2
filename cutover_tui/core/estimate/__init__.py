"""How fast a clock runs off, how sure that is, and what follows from it. Pure; integers (ns, ppb).

A *reading* is guest minus references at one moment, true within its bound. From readings to words:

- `bucket`: the tightest reading of each 10 s; a jump no slewing explains is a step.
- `hard`: the slopes of all lines through [offset ± bound] of every bucket. No noise model, so
  nothing that queues in one direction can fool it.
- `sums`: least squares over the same buckets, with an interval for noise that remembers itself.
- `signs`, `theil_sen`: is it one line at all, and does a robust slope say the same?
- `segment`: the stretch one line is fitted to; it starts anew after a step, and keeps its newer
  half when the rate has changed.
- `estimator`: readings in, estimate out: one by one for a live view, or all at once for a check,
  with the same result to the bit.
- `regime`: what the data alone say about who keeps the clock.
- `projection`: when a tolerance is used up, or how many more minutes it takes to tell.
- `wander`: how far a free-running clock may get if its frequency goes on wandering as it did.
"""
