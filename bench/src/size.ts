/** How much of everything is measured. */
export interface BenchSize {
  readonly rounds: number;
  /** Of load in a round. */
  readonly seconds: number;
  readonly coldStarts: number;
  readonly cells: number;
  readonly deploys: number;
  readonly kills: number;
  readonly neighbourRounds: number;
  readonly neighbourSeconds: number;
}

export const fullSize: BenchSize = {
  rounds: 5,
  seconds: 3,
  coldStarts: 30,
  cells: 100,
  deploys: 20,
  kills: 10,
  neighbourRounds: 3,
  neighbourSeconds: 5,
};

export const quickSize: BenchSize = {
  rounds: 2,
  seconds: 1,
  coldStarts: 10,
  cells: 20,
  deploys: 5,
  kills: 3,
  neighbourRounds: 1,
  neighbourSeconds: 3,
};
