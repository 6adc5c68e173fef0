// The little of node that the tests use.
declare module "node:test" {
  interface Timers {
    enable(which: { apis: "setTimeout"[] }): void;
    tick(ms: number): void;
  }
  interface Context {
    mock: { timers: Timers };
  }
  export function test(name: string, work: (context: Context) => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  interface Assert {
    (value: unknown, message?: string): void;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, expected: RegExp): void;
    rejects(work: Promise<unknown>, expected: RegExp): Promise<void>;
  }
  const assert: Assert;
  export default assert;
}
