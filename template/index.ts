import { deployApplication } from "multicloud-components/stack";

export = () => deployApplication(__dirname);
