import { ChangeDetectionStrategy, Component } from "@angular/core";

@Component({
  selector: "ow-worker-create",
  template: ``,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CreateWorker {}
