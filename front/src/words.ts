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

/** The day of an ISO time, in the photo's own clock. */
export function day(iso: string): string {
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  return `${date} ${months[(month ?? 1) - 1]} ${year}`;
}
