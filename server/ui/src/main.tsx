/** Starts the pages. */
import { createRoot } from "react-dom/client";
import { App } from "./shell/app.tsx";
import "./styles/styles.css";

const place = document.getElementById("app");
if (place) createRoot(place).render(<App />);
