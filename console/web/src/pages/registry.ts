// Every page of the console. A page is a folder beside this file, with its words, and
// one entry here; web/README.md says how.

import type { ComponentType } from 'react';
import type { Text } from '../i18n/messages';

export interface PageEntry {
  path: string; // as in react-router: "/line-items/:id"
  group?: GroupID; // where the menu has it
  label?: Text; // its entry in the menu; none: reached from other pages
  roles?: string[]; // who sees the entry; the server decides what may be read
  load: () => Promise<{ default: ComponentType }>;
}

type GroupID = 'buying' | 'reports' | 'operations';

export const groups: { id: GroupID; label: Text }[] = [
  { id: 'buying', label: { en: 'Buying', zh: '投放' } },
  { id: 'reports', label: { en: 'Reports', zh: '报表' } },
  { id: 'operations', label: { en: 'Operations', zh: '运维' } },
];

export const pages: PageEntry[] = [
  { path: '/', group: 'buying', label: { en: 'Accounts', zh: '账户' }, load: () => import('./accounts/AccountsPage') },
  { path: '/new-campaign', group: 'buying', label: { en: 'New campaign', zh: '新建广告活动' }, load: () => import('./wizard/WizardPage') },
  { path: '/agencies/:id', load: () => import('./agency/AgencyPage') },
  { path: '/advertisers/:id', load: () => import('./advertiser/AdvertiserPage') },
  { path: '/line-items/:id', load: () => import('./lineitem/LineItemPage') },
  { path: '/campaigns/:id', load: () => import('./campaign/CampaignPage') },
  { path: '/line-items/:id/delivery', load: () => import('./delivery/DeliveryPage') },
  { path: '/creatives', group: 'buying', label: { en: 'Creatives', zh: '创意' }, load: () => import('./creatives/CreativesPage') },
  { path: '/explain', group: 'buying', label: { en: 'Bid explainer', zh: '竞价解释' }, load: () => import('./explain/ExplainPage') },
  { path: '/history', group: 'buying', label: { en: 'Change history', zh: '变更历史' }, load: () => import('./history/HistoryPage') },
  { path: '/reports', group: 'reports', label: { en: 'Reports', zh: '报表' }, load: () => import('./reports/ReportsPage') },
  { path: '/operations', group: 'operations', label: { en: 'State now', zh: '运行状况' }, roles: ['operator'], load: () => import('./operations/OperationsPage') },
  { path: '/measurement', group: 'reports', label: { en: 'Conversions', zh: '转化' }, load: () => import('./measurement/MeasurementPage') },
  { path: '/ledger', group: 'reports', label: { en: 'Ledger', zh: '账本' }, load: () => import('./ledger/LedgerPage') },
];

export const may = (p: PageEntry, role = '') => !p.roles || p.roles.includes(role);
