/** The parts that only clients with logins need, bundled as one module that is loaded on first use. */

export { LoginKeySource } from './logins/login-key-source.ts';
export { createLogin, deleteLogin, loginPage } from './logins/login-requests.ts';
