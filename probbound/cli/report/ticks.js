"use strict";
// Which numbers to write along a logarithmic axis: as `probbound/ticks.py`, in the same words.
const logTicks = (() => {
  const STEPS = [1, 2, 5], DECADES_ENOUGH = 3, SMALL = 0.01 * (1 - 1e-9), LARGE = 1000;
  const span = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
  const pow10 = (e) => Number(`1e${e}`);
  const labelOf = (mantissa, e) => (e === 0 ? mantissa : mantissa === "1" ? `10^${e}` : `${mantissa}·10^${e}`);

  const roundNumbers = (low, high, count) => {
    const first = Math.floor(Math.log10((high - low) / count));
    const steps = [first, first + 1].flatMap((e) => STEPS.map((step) => [step, e]));
    const [step, scale] = steps.find(([s, e]) => (high - low) / (s * pow10(e)) <= count);
    const unit = step * pow10(scale);
    return span(Math.ceil(low / unit), Math.floor(high / unit)).map((k) => {
      const digits = String(k * step), mantissa = `${digits[0]}.${digits.slice(1)}`.replace(/\.?0*$/, "");
      return [k * step * pow10(scale), labelOf(mantissa, scale + digits.length - 1)];
    });
  };

  const plain = (ticks) => (ticks.every(([value]) => SMALL <= value && value < LARGE)
    ? ticks.map(([value]) => [value, String(Number(value.toPrecision(12)))]) : ticks);

  const candidates = (low, high) => {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9), made = [];
    const decades = span(first, last).map((e) => [pow10(e), labelOf("1", e)]);
    if (decades.length >= DECADES_ENOUGH)
      for (let step = 1; step < decades.length; step++) made.push(decades.filter((_, i) => (first + i) % step === 0));
    for (const factors of [STEPS, [1, 3]])
      made.push(span(first - 1, last).flatMap((e) => factors.map((f) => [f * pow10(e), labelOf(String(f), e)]))
        .filter(([value]) => low <= value && value <= high));
    made.push(decades);
    for (const count of [8, 7, 6, 5, 4, 3, 2, 40]) made.push(roundNumbers(low, high, count));
    return made.filter((ticks) => ticks.length >= 2).map(plain);
  };

  return (low, high, length) => {
    if (!(low > 0 && low < high && high < Infinity)) return [];
    const room = Math.log(high / low);
    const apart = (ticks) => ticks.slice(1).every(([b, following], i) =>
      Math.log(b / ticks[i][0]) >= (room * (length(ticks[i][1]) + length(following))) / 2);
    const tried = candidates(low, high), ends = tried.map((ticks) => [ticks[0], ticks.at(-1)]);
    return [...tried, ...ends].find(apart) ?? tried.at(-1).slice(0, 1);
  };
})();
