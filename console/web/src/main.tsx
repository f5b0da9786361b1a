import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import './styles/base.css';
import './styles/shell.css';
import './styles/controls.css';
import './styles/table.css';
import './styles/pages.css';
import './styles/reading.css';

createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
