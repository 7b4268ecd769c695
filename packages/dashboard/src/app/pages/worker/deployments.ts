import { ChangeDetectionStrategy, Component } from "@angular/core";

@Component({
  selector: "ow-worker-deployments",
  template: ``,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerDeployments {}
