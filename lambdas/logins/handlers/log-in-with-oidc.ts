import { workloadLoginRoute } from '../middleware/workload-login-route.ts';
import type { WorkloadLoginService } from '../workload-login-service.ts';

export const logInWithOidc = (service: WorkloadLoginService) =>
  workloadLoginRoute('logInWithOidc', async ({ body }, _, onAccepted) => await service.logInWithOidc(body, onAccepted));
