import { ChangeDetectionStrategy, Component } from "@angular/core";

@Component({
  selector: "ow-worker-overview",
  template: ``,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerOverview {}
