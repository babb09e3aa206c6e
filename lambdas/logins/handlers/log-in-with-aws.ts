import { workloadLoginRoute } from '../middleware/workload-login-route.ts';
import type { WorkloadLoginService } from '../workload-login-service.ts';

export const logInWithAws = (service: WorkloadLoginService) =>
  workloadLoginRoute(
    'logInWithAws',
    async ({ body }, sourceIp, onAccepted) => await service.logInWithAws(body, sourceIp, onAccepted),
  );
