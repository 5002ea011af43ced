//! The program that runs on a card: boots, writes its files, runs its agent.
