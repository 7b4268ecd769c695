import { ChangeDetectionStrategy, Component } from "@angular/core";

@Component({
  selector: "ow-worker-list",
  template: ``,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerList {}
