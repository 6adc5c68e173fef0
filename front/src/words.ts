// Counts, dates and shares as a person reads them.

export function counted(faces: number): string {
  return faces === 1 ? "1 face" : `${number(faces)} faces`;
}

export function number(value: number): string {
  return value.toLocaleString("en");
}

/** A similarity as two digits behind the point. */
export function similarity(value: number): string {
  return value.toFixed(2);
}

/** The day of a moment in the photo's own clock: seconds since 1970, or an ISO time. */
export function day(when: number | string): string {
  const iso = typeof when === "number" ? new Date(when * 1000).toISOString() : when;
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  return `${date} ${months[(month ?? 1) - 1]} ${year}`;
}

/** Seconds as a player shows them: 3:07, 1:00:05. */
export function clock(seconds: number): string {
  const [s, m, h] = [Math.floor(seconds) % 60, Math.floor(seconds / 60) % 60, Math.floor(seconds / 3600)];
  const two = (part: number) => String(part).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
